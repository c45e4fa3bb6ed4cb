// The session token: where it comes from and what it says. The page reads it and
// believes it only as far as words on the screen go; the API checks it.

import { isZone } from "./days.ts";

export interface Session {
	token: string;
	account: string;
	name: string;
	zone: string;
	returnURL: string | null;
}

/** What a token says; null where it is none. */
export function readToken(token: string): Session | null {
	try {
		const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
		if (!payload) {
			return null;
		}
		const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
		const claims: Record<string, unknown> = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
		const { sub, name, zoneinfo, exp, return_url: back } = claims;
		if (typeof sub !== "string" || !/^[A-Za-z0-9_.:-]{1,64}$/.test(sub) || typeof exp !== "number") {
			return null;
		}
		return {
			token,
			account: sub,
			name: typeof name === "string" && name.trim() ? name : sub,
			zone: typeof zoneinfo === "string" && isZone(zoneinfo) ? zoneinfo : "UTC",
			returnURL: typeof back === "string" ? webAddress(back) : null,
		};
	} catch {
		return null;
	}
}

/** The address if it leads to a web page: a token must not make a link that runs something. */
export function webAddress(text: string): string | null {
	try {
		const url = new URL(text);
		return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
	} catch {
		return null;
	}
}

const tokenKey = "drawdown.session";
const acceptedKey = "drawdown.accepted";

/** The session of the address, if there is one: other fragments may stand there, too. */
export function givenSession(): Session | null {
	return readToken(decodeURIComponentSafely(location.hash.slice(1)));
}

/** Takes the session of the address and removes it from there, or else the one of before a reload. */
export function takeSession(): Session | null {
	const given = givenSession();
	if (given) {
		history.replaceState(history.state, "", location.pathname + location.search);
		store(tokenKey, given.token);
		return given;
	}
	return readToken(stored(tokenKey));
}

/** Remembers that the API has accepted the token, and that what it says is true. */
export function rememberAccepted(token: string): void {
	store(acceptedKey, token);
}

/** Whether the API has accepted this very token in this tab. */
export function wasAccepted(token: string): boolean {
	return token !== "" && stored(acceptedKey) === token;
}

function stored(key: string): string {
	try {
		return sessionStorage.getItem(key) ?? "";
	} catch {
		return "";
	}
}

function store(key: string, text: string): void {
	try {
		sessionStorage.setItem(key, text);
	} catch {
		// Storage may be forbidden; the session then ends with a reload.
	}
}

function decodeURIComponentSafely(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
