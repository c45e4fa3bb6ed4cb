// The session token: where it comes from and what it contains. The page trusts it
// only for the texts that it shows; the API verifies it.

import { isZone } from "./days.ts";

export interface Session {
	token: string;
	account: string;
	name: string;
	zone: string;
	returnURL: string | null;
}

/** Decodes a token; null if it is not one. */
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

/** The address if it is a web page's: a token must not create a link that runs a script. */
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

/** The session in the address, if any; the fragment may also be something else. */
export function givenSession(): Session | null {
	return readToken(decodeURIComponentSafely(location.hash.slice(1)));
}

/** Takes the session out of the address, or else the one from before a reload. */
export function takeSession(): Session | null {
	const given = givenSession();
	if (given) {
		history.replaceState(history.state, "", location.pathname + location.search);
		store(tokenKey, given.token);
		return given;
	}
	return readToken(stored(tokenKey));
}

/** Remembers that the API has accepted the token, so that its contents can be trusted. */
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
