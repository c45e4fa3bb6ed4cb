// Starts the page: finds the session, shows it, and handles its end.

import "./base.css";
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { reading, sending } from "./api.ts";
import { App, type Billing } from "./app.tsx";
import { BillingState } from "./billing.ts";
import { CheckoutNote, Dialogs } from "./billing-parts.tsx";
import { BillsCard } from "./bills.tsx";
import { Live } from "./live.ts";
import { PlanPanel } from "./plan.tsx";
import { RefillCard } from "./refill.tsx";
import { takeOutcome } from "./returning.ts";
import { givenSession, rememberAccepted, takeSession, wasAccepted } from "./session.ts";
import { Ended } from "./states.tsx";

const live = signal<Live | null>(null);
const billing = signal<BillingState | null>(null);

function begin(): void {
	live.value?.stop();
	billing.value?.stop();
	const found = takeSession();
	live.value = null;
	billing.value = null;
	const outcome = takeOutcome();
	if (found) {
		const get = reading(found);
		const started = new Live(found, get, location.search);
		const buying = new BillingState(started, get, sending(found));
		live.value = started;
		billing.value = buying;
		started.start();
		buying.start(outcome);
	}
}

function Page() {
	const current = live.value;
	if (current === null || current.health.refused.value) {
		return <Ended returnURL={current ? wayBack(current) : null} />;
	}
	const parts = billing.value ? partsOf(billing.value) : null;
	return <App key={current.session.token} live={current} {...(parts && { billing: parts })} />;
}

/** The return address of a session. Anyone can make a token with any address, but the API accepts only its own. */
function wayBack({ session, health }: Live): string | null {
	return health.accepted.value || wasAccepted(session.token) ? session.returnURL : null;
}

/** The parts for payments, once the platform is known to offer them. */
function partsOf(state: BillingState): Billing | null {
	return state.catalog.offered.value
		? {
				note: <CheckoutNote billing={state} />,
				plan: <PlanPanel billing={state} />,
				refill: <RefillCard billing={state} />,
				history: <BillsCard billing={state} />,
				dialogs: <Dialogs billing={state} />,
				names: state.planNames.value,
			}
		: null;
}

effect(() => {
	const current = live.value;
	if (current?.health.accepted.value) {
		rememberAccepted(current.session.token);
	}
	if (current?.health.refused.value) {
		current.stop();
		billing.value?.stop();
		document.title = "Usage";
	} else if (current) {
		document.title = `Usage · ${current.session.name}`;
	}
});
addEventListener("hashchange", () => {
	if (givenSession()) {
		begin();
	}
});
begin();
const root = document.getElementById("page");
if (root) {
	root.textContent = "";
	render(<Page />, root);
}
