import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { readToken, rememberAccepted, takeSession, wasAccepted, webAddress } from "../src/session.ts";

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const token = (claims: unknown) => `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}.c2lnbmF0dXJl`;
const claims = {
	sub: "acme",
	name: "Müller & Söhne",
	zoneinfo: "Europe/Berlin",
	scope: "read purchase",
	iat: 1,
	exp: 2_000_000_000,
};

test("a token says whose session it is", () => {
	const text = token({ ...claims, return_url: "https://app.example.com/account" });
	assert.deepEqual(readToken(text), {
		token: text,
		account: "acme",
		name: "Müller & Söhne",
		zone: "Europe/Berlin",
		returnURL: "https://app.example.com/account",
	});
});

test("what a token lacks is made up for, where that is harmless", () => {
	const bare = readToken(token({ sub: "acme", exp: 1 }));
	assert.equal(bare?.name, "acme");
	assert.equal(bare?.zone, "UTC");
	assert.equal(bare?.returnURL, null);
	assert.equal(readToken(token({ ...claims, zoneinfo: "Atlantis/Capital" }))?.zone, "UTC");
	assert.equal(readToken(token({ ...claims, name: "  " }))?.name, "acme");
});

test("what is no token is none", () => {
	for (const text of [
		"",
		"a",
		"a.b",
		"a.b.c",
		"a.b.c.d",
		"....",
		`${token(claims)}.x`,
		`x.${Buffer.from("{").toString("base64url")}.y`,
		`x.${part(null)}.y`,
	]) {
		assert.equal(readToken(text), null, text);
	}
	assert.equal(readToken(token({ ...claims, sub: "../other" })), null);
	assert.equal(readToken(token({ ...claims, sub: 7 })), null);
	assert.equal(readToken(token({ ...claims, exp: "soon" })), null);
});

/** A tab, as far as sessions know one. */
const tab = {
	location: { pathname: "/usage", search: "?range=7d", hash: "" },
	history: { state: null, replaceState: (_: unknown, __: string, address: string) => tab.went.push(address) },
	sessionStorage: {
		getItem: (key: string) => tab.kept.get(key) ?? null,
		setItem: (key: string, text: string) => {
			if (tab.forbids) {
				throw new Error("forbidden");
			}
			tab.kept.set(key, text);
		},
	},
	went: [] as string[],
	kept: new Map<string, string>(),
	forbids: false,
};
const stubbed = ["location", "history", "sessionStorage"] as const;
const real = stubbed.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);

beforeEach(() => {
	for (const name of stubbed) {
		Object.defineProperty(globalThis, name, { value: tab[name], configurable: true });
	}
	tab.location.hash = "";
	tab.went = [];
	tab.kept.clear();
	tab.forbids = false;
});
afterEach(() => {
	for (const [name, descriptor] of real) {
		Reflect.deleteProperty(globalThis, name);
		if (descriptor) {
			Object.defineProperty(globalThis, name, descriptor);
		}
	}
});

const opened = (text: string) => {
	tab.location.hash = text && `#${text}`;
	return takeSession();
};

test("a session comes from the address, and then from before the reload", () => {
	const text = token(claims);
	assert.equal(opened(text)?.token, text);
	assert.deepEqual(tab.went, ["/usage?range=7d"]);
	assert.equal(opened("")?.token, text);
	const other = token({ ...claims, sub: "other" });
	assert.equal(opened(encodeURIComponent(other))?.token, other);
	assert.equal(opened("")?.token, other);
});

test("a fragment that is no session leaves the one that is there", () => {
	const text = token(claims);
	assert.equal(opened("trend"), null);
	opened(text);
	for (const fragment of ["trend", "a.b.c", "%", "%E0%A4%A", token({ sub: "acme" })]) {
		tab.went = [];
		assert.equal(opened(fragment)?.token, text, fragment);
		assert.deepEqual(tab.went, []);
	}
});

test("a token that the API has accepted is known again, and no other", () => {
	const text = token({ ...claims, return_url: "https://app.example.com/account" });
	opened(text);
	assert.ok(!wasAccepted(text));
	rememberAccepted(text);
	assert.ok(wasAccepted(text));
	const crafted = token({ ...claims, return_url: "https://evil.example.com/" });
	opened(crafted);
	assert.ok(!wasAccepted(crafted));
	assert.ok(!wasAccepted(""));
});

test("a tab that may store nothing has a session until its reload", () => {
	tab.forbids = true;
	assert.equal(opened(token(claims))?.account, "acme");
	rememberAccepted(token(claims));
	assert.ok(!wasAccepted(token(claims)));
	assert.equal(opened(""), null);
});

test("only web pages are linked to", () => {
	assert.equal(webAddress("https://app.example.com/a?b=c"), "https://app.example.com/a?b=c");
	assert.equal(webAddress("http://localhost:3000/"), "http://localhost:3000/");
	for (const text of ["javascript:alert(1)", "data:text/html,x", "//app.example.com", "/account", "ftp://x", ""]) {
		assert.equal(webAddress(text), null, text);
	}
});
