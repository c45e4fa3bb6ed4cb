import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../src/api.ts";
import { Arrival } from "../src/arrival.ts";
import { Checkout, paysNow } from "../src/checkout.ts";
import { markOf, type Visit } from "../src/returning.ts";
import { balance, grant, pack, plan, subscription } from "./answers.ts";

const here = "https://drawdown.example.com/usage";
Object.assign(globalThis, {
	location: { href: here, origin: "https://drawdown.example.com", pathname: "/usage" },
});
const visit: Visit = { account: "acme", wish: "pack:p", pays: true, mark: markOf(balance(), null, null) };
const wish = { pack: pack(), saveCard: false };

test("a purchase whose fate is not known is sent again under its key, and a new one under another", async () => {
	const sent: { body: unknown; key: string }[] = [];
	let answer: () => { url: string } = () => {
		throw new Failure("offline", "");
	};
	const checkout = new Checkout((async (_: string, __: string, body: unknown, key: string) => {
		sent.push({ body, key });
		return answer();
	}) as never);
	await assert.rejects(checkout.buy(wish, visit));
	answer = () => ({ url: here });
	assert.equal(await checkout.buy(wish, visit), true);
	assert.equal(await checkout.buy(wish, visit), true);
	assert.equal(await checkout.buy({ ...wish, saveCard: true }, visit), true);
	const [first, again, next, saving] = sent;
	assert.deepEqual(first?.body, { pack_id: "p" });
	assert.equal(again?.key, first?.key);
	assert.notEqual(next?.key, first?.key);
	assert.deepEqual(saving?.body, { pack_id: "p", save_card: true });
});

test("a key that can come to nothing is given up", async () => {
	const keys: string[] = [];
	const checkout = new Checkout((async (_: string, __: string, ___: unknown, key: string) => {
		keys.push(key);
		throw new Failure("problem", "", "urn:drawdown:problem:not-offered");
	}) as never);
	await assert.rejects(checkout.buy(wish, visit));
	await assert.rejects(checkout.buy(wish, visit));
	assert.notEqual(keys[0], keys[1]);
});

test("an address that is no web page is not gone to", async () => {
	const checkout = new Checkout((async () => ({ url: "javascript:alert(1)" })) as never);
	await assert.rejects(checkout.openPortal(), /cannot be opened/);
});

test("a wish costs money now unless it is for a plan that is no dearer", () => {
	assert.ok(paysNow(wish, subscription()));
	assert.ok(paysNow({ plan: plan("pro", 4900) }, null));
	assert.ok(paysNow({ plan: plan("team", 14900) }, subscription()));
	assert.ok(!paysNow({ plan: plan("basic", 900) }, subscription()));
	assert.ok(!paysNow({ plan: plan("free", 0) }, null));
});

test("the balance is read often until what was bought has come", async () => {
	const paces: (number | null)[] = [];
	let settled = 0;
	const arrival = new Arrival(
		(every) => paces.push(every),
		() => settled++,
	);
	arrival.comeBack("success", visit);
	assert.ok(arrival.waiting);
	assert.deepEqual(arrival.note.value, { kind: "payment", state: "waiting" });
	arrival.look(balance({ available: "99" }), null, null);
	await Promise.resolve();
	assert.ok(arrival.waiting);
	arrival.look(balance({ available: "599", grants: [grant({ source: "purchase" })] }), null, null);
	await Promise.resolve();
	assert.ok(!arrival.waiting);
	assert.deepEqual(arrival.note.value, { kind: "payment", state: "there" });
	assert.deepEqual(paces, [2_000, null]);
	assert.equal(settled, 1);
	arrival.stop();
});

test("who turns back at the payment page waits for nothing", () => {
	const arrival = new Arrival(
		() => assert.fail(),
		() => assert.fail(),
	);
	arrival.comeBack("canceled", { ...visit, pays: false });
	assert.ok(!arrival.waiting);
	assert.deepEqual(arrival.note.value, { kind: "change", state: "canceled" });
});
