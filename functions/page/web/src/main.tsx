// Starts the page: finds the session, shows it, and sees it end.

import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { withToken } from "./api.ts";
import { App } from "./app.tsx";
import { Live } from "./live.ts";
import { readToken, type Session, takeToken } from "./session.ts";
import { Ended } from "./states.tsx";
import "./page.css";

const longestTimer = 2 ** 31 - 1;

const session = signal<Session | null>(null);
const live = signal<Live | null>(null);
const over = signal(false);
let ending: ReturnType<typeof setTimeout> | undefined;

function begin(): void {
	live.value?.stop();
	clearTimeout(ending);
	const found = readToken(takeToken() ?? "");
	session.value = found;
	over.value = found === null;
	live.value = null;
	if (found) {
		const started = new Live(found, withToken(found.token), location.search);
		live.value = started;
		endInTime();
		if (!over.value) {
			started.start();
		}
	}
}

/** Ends the session when its time has come, which a sleeping device may notice late. */
function endInTime(): void {
	clearTimeout(ending);
	const left = (session.value?.expires ?? 0) - Date.now();
	if (left <= 0) {
		over.value = true;
	} else {
		ending = setTimeout(endInTime, Math.min(left, longestTimer));
	}
}

function Page() {
	const current = live.value;
	if (over.value || current === null || current.refused.value) {
		return <Ended returnURL={session.value?.returnURL ?? null} />;
	}
	return <App key={current.session.token} live={current} />;
}

effect(() => {
	const current = live.value;
	if (current && (over.value || current.refused.value)) {
		current.stop();
		document.title = "Usage";
	} else if (current) {
		document.title = `Usage · ${current.session.name}`;
	}
});
addEventListener("hashchange", () => {
	if (location.hash.length > 1) {
		begin();
	}
});
document.addEventListener("visibilitychange", () => {
	if (!document.hidden && !over.value) {
		endInTime();
	}
});
begin();
const root = document.getElementById("page");
if (root) {
	root.textContent = "";
	render(<Page />, root);
}
