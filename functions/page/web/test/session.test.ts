import assert from "node:assert/strict";
import { test } from "node:test";
import { readToken, webAddress } from "../src/session.ts";

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
		expires: 2_000_000_000_000,
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

test("only web pages are linked to", () => {
	assert.equal(webAddress("https://app.example.com/a?b=c"), "https://app.example.com/a?b=c");
	assert.equal(webAddress("http://localhost:3000/"), "http://localhost:3000/");
	for (const text of ["javascript:alert(1)", "data:text/html,x", "//app.example.com", "/account", "ftp://x", ""]) {
		assert.equal(webAddress(text), null, text);
	}
});
