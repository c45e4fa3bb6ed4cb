// The session token: where it comes from and what it says. The page reads it and
// believes it only as far as words on the screen go; the API checks it.

import { isZone } from "./days.ts";

export interface Session {
	token: string;
	account: string;
	name: string;
	zone: string;
	expires: number; // milliseconds
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
			expires: exp * 1000,
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

const storageKey = "drawdown.session";

/** Takes the token of the address and removes it from there, or else the one of before a reload. */
export function takeToken(): string | null {
	const given = decodeURIComponentSafely(location.hash.slice(1));
	if (given) {
		history.replaceState(history.state, "", location.pathname + location.search);
		store(given);
		return given;
	}
	try {
		return sessionStorage.getItem(storageKey);
	} catch {
		return null;
	}
}

function store(token: string): void {
	try {
		sessionStorage.setItem(storageKey, token);
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
