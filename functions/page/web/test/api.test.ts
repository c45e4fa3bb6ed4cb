import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Failure, reading, sending } from "../src/api.ts";

const caller = { token: "t", account: "acme:1" };
const real = globalThis.fetch;
let sent: { address: string; init: RequestInit }[] = [];
let answer = () => Response.json({});

beforeEach(() => {
	sent = [];
	answer = () => Response.json({});
	globalThis.fetch = async (address, init) => {
		sent.push({ address: String(address), init: init ?? {} });
		return answer();
	};
});
afterEach(() => {
	globalThis.fetch = real;
});

const signal = new AbortController().signal;

test("the account of the session is asked about, with its token", async () => {
	const query = { from: "2026-11-01", to: "2026-11-30", group_by: "day,node" };
	await reading(caller)("/v1/accounts/{account_id}/usage", query, signal);
	await reading(caller)("/v1/rate-card", {}, signal);
	const [usage, rates] = sent;
	const address = new URL(usage?.address ?? "", "https://drawdown.example.com");
	assert.equal(address.pathname, "/v1/accounts/acme%3A1/usage");
	assert.deepEqual(Object.fromEntries(address.searchParams), query);
	assert.equal(new Headers(usage?.init.headers).get("Authorization"), "Bearer t");
	assert.equal(rates?.address, "/v1/rate-card");
});

test("what changes something is sent as JSON, under its key", async () => {
	await sending(caller)("post", "/v1/accounts/{account_id}/checkouts", { pack_id: "p" }, "key");
	await sending(caller)("put", "/v1/accounts/{account_id}/auto-refill", { enabled: false });
	const [checkout, refill] = sent;
	assert.equal(checkout?.init.method, "POST");
	assert.equal(checkout?.init.body, '{"pack_id":"p"}');
	assert.equal(new Headers(checkout?.init.headers).get("Idempotency-Key"), "key");
	assert.equal(refill?.init.method, "PUT");
	assert.equal(new Headers(refill?.init.headers).get("Idempotency-Key"), null);
});

test("a refusal is a failure with the API's words", async () => {
	const refused = async (status: number, problem: object | string) => {
		answer = () => new Response(typeof problem === "string" ? problem : JSON.stringify(problem), { status });
		const failure = await reading(caller)("/v1/rate-card", {}, signal).catch((error: unknown) => error);
		assert.ok(failure instanceof Failure);
		return failure;
	};
	const type = "urn:drawdown:problem:unavailable";
	const busy = await refused(503, { type, detail: "Wait.", invalid_params: [{ name: "to", reason: "must be a day" }] });
	assert.deepEqual([busy.kind, busy.message, busy.is("unavailable")], ["problem", "Wait.", true]);
	assert.equal(busy.fields.get("to"), "must be a day");
	assert.equal((await refused(401, {})).kind, "ended");
	assert.equal((await refused(502, "<html>")).message, "The service answered with status 502.");
	assert.ok((await refused(404, "")).is("not-found"));
});
