import assert from "node:assert/strict";
import { test } from "node:test";
import { failureWords } from "../src/actions.ts";
import { Failure } from "../src/api.ts";
import { fieldText } from "../src/money.ts";
import { renewalWords } from "../src/plan.tsx";
import { termsOf, type Written } from "../src/refill.tsx";
import { arrived, markOf, type Visit } from "../src/returning.ts";
import type { Balance, Subscription } from "../src/wire.ts";
import { billStateWords, entryDetails, entryWords, overageWords, planStep, validityWords } from "../src/words.ts";
import * as answers from "./answers.ts";
import { entry, plan, usd } from "./answers.ts";

const pack = answers.pack();
const subscribed = answers.subscription;

const form: Written = { enabled: true, threshold: "50", pack: "p", cap: "100", consent: true };

test("automatic refill is asked for with exact terms", () => {
	assert.deepEqual(termsOf(form, [pack]), {
		terms: { enabled: true, threshold: "50", pack_id: "p", monthly_cap: usd(10000), consent: true },
	});
	assert.deepEqual(termsOf({ ...form, enabled: false, threshold: "x" }, [pack]), { terms: { enabled: false } });
	assert.ok("terms" in termsOf({ ...form, cap: fieldText(usd(2500)) }, [pack]));
});

test("each field that is wrong is told so", () => {
	const wrong = (change: Partial<Written>) => {
		const found = termsOf({ ...form, ...change }, [pack]);
		return "wrong" in found ? Object.keys(found.wrong) : [];
	};
	assert.deepEqual(wrong({ threshold: "0" }), ["threshold"]);
	assert.deepEqual(wrong({ threshold: "" }), ["threshold"]);
	assert.deepEqual(wrong({ cap: "24" }), ["monthly_cap"]);
	assert.deepEqual(wrong({ cap: "a lot" }), ["monthly_cap"]);
	assert.deepEqual(wrong({ pack: "gone" }), ["pack_id"]);
	assert.deepEqual(wrong({ consent: false }), ["consent"]);
	assert.deepEqual(wrong({ threshold: "-1", cap: "", consent: false }), ["threshold", "monthly_cap", "consent"]);
});

test("choosing a plan is called what it would be", () => {
	const step = (id: string, amount: number, of: Subscription | null, interval?: "year") =>
		planStep(plan(id, amount, interval), of);
	assert.equal(step("pro", 4900, null), "start");
	assert.equal(step("pro", 4900, subscribed({ plan: null })), "start");
	assert.equal(step("pro", 4900, subscribed()), "current");
	assert.equal(step("team", 14900, subscribed()), "upgrade");
	assert.equal(step("basic", 900, subscribed()), "downgrade");
	assert.equal(step("basic", 900, subscribed({ next_plan_id: "basic" })), "next");
	assert.equal(step("pro", 4900, subscribed({ next_plan_id: "basic" })), "keep");
	assert.equal(step("free", 0, subscribed()), "apart");
	assert.equal(step("yearly", 49000, subscribed(), "year"), "apart");
	assert.equal(step("pro", 4900, subscribed({ plan: plan("free", 0) })), "start");
	assert.equal(step("other", 0, subscribed({ plan: plan("free", 0) })), "downgrade");
});

test("it is said how a plan goes on", () => {
	const words = (change: Partial<Subscription>) =>
		renewalWords(subscribed(change), new Map([["basic", "Basic"]]), "UTC");
	assert.match(words({}), /^Renews on /);
	assert.match(words({ cancel_at_period_end: true, renews_at: null }), /^Ends on /);
	assert.match(words({ next_plan_id: "basic" }), /^Changes to Basic on /);
	assert.equal(words({ period_end: null, renews_at: null }), "");
});

const balance = answers.balance();
const bill = answers.bill();
const grant = answers.grant({ id: "g8", source: "purchase" });

test("what was bought is seen when it comes, and use is not taken for it", () => {
	const now = Date.parse("2026-11-24T10:00:00.000Z");
	const bills = { lines: [bill] };
	const visit: Visit = { account: "a", wish: "pack:p", pays: true, mark: markOf(balance, subscribed(), bills) };
	const come = (change: Partial<Balance>, lines = [bill]) =>
		arrived(visit, now, { ...balance, ...change }, subscribed(), { lines });
	assert.equal(come({}), false);
	assert.equal(come({ seq: 9, available: "98.5" }), false);
	assert.equal(come({ available: "600" }), true);
	assert.equal(come({ available: "90", grants: [grant] }), true);
	assert.equal(come({ grants: [{ ...grant, source: "promo" }] }), false);
	assert.equal(come({}, [{ ...bill, id: "pi_2" }, bill]), true);
	assert.equal(come({}, [{ ...bill, id: "pi_2", state: "pending" }, bill]), false);
	// Where nothing is known of before, a purchase of just now is the one.
	const unknown = { ...visit, mark: null };
	assert.equal(arrived(unknown, now, balance, null, bills), true);
	assert.equal(arrived(unknown, now + 3_600_000, balance, null, bills), false);
});

test("a change that costs nothing is seen by the plan", () => {
	const visit: Visit = { account: "a", wish: "plan:basic", pays: false, mark: markOf(balance, subscribed(), null) };
	assert.equal(arrived(visit, 0, { ...balance, available: "900" }, subscribed(), null), false);
	assert.equal(arrived(visit, 0, balance, subscribed({ next_plan_id: "basic" }), null), true);
});

test("entries of plans and payments have words", () => {
	const names = new Map([["pro", "Pro"]]);
	const step = { subscription_id: "s", plan_id: "pro" };
	const renewal = {
		...step,
		period_start: "",
		period_end: "",
		carried_over: "100",
		ended: [
			{ grant_id: "g", credits: "400" },
			{ grant_id: "h", credits: "100" },
		],
		overage: { credits: "20", price: usd(30) },
	};
	assert.equal(entryWords(entry("renewal", { renewal }), names), "Pro: new period");
	const details = entryDetails(entry("renewal", { renewal }));
	assert.match(details[0] ?? "", /^500 credits/);
	assert.match(details[2] ?? "", /^20 credits of overage billed/);
	assert.equal(entryWords(entry("plan_change", { plan: step }), names), "Plan changed to Pro");
	assert.equal(entryWords(entry("plan_end", { plan: { ...step, plan_id: "old" } }), names), "old ended");
	const recovery = { operation_id: "o", reason: "dispute won", owed: "0" };
	assert.deepEqual(entryDetails(entry("give_back", { recovery })), ["The dispute was won"]);
	const refill = { step: "settled", phase: "backoff", outcome: "declined", reason: "declined" } as const;
	assert.equal(entryWords(entry("refill", { refill })), "Automatic refill failed");
	assert.deepEqual(entryDetails(entry("refill", { refill })), ["The card was declined"]);
	assert.equal(entryWords(entry("refill", { refill: { step: "set", phase: "off" } })), "Automatic refill turned off");
	const bought = { id: "g", source: "purchase", expires_at: null, reason: "pack p1", owed_paid: "5" } as const;
	assert.deepEqual(entryDetails(entry("grant", { grant: bought })), ["5 credits deducted for credits owed"]);
});

test("offers and payments have words", () => {
	assert.equal(validityWords(0), "Never expires");
	assert.equal(validityWords(1), "Valid for 1 day");
	assert.equal(validityWords(365), "Valid for a year");
	assert.equal(validityWords(730), "Valid for 2 years");
	const terms = plan("pro", 4900);
	assert.match(overageWords(terms), /a credit$/);
	assert.equal(overageWords({ ...terms, overage: { ...terms.overage, policy: "block" } }), "No overage");
	assert.equal(billStateWords(bill), "Paid");
	assert.equal(billStateWords({ ...bill, kind: "refund" }), "Refunded");
	assert.equal(billStateWords({ ...bill, state: "under_review" as "open" }), "Under review");
});

test("a refusal is said for people", () => {
	const words = (slug: string, detail = "detail") =>
		failureWords(new Failure("problem", detail, `urn:drawdown:problem:${slug}`));
	assert.equal(words("payment-declined", "Your card has insufficient funds."), "Your card has insufficient funds.");
	assert.match(words("payments-unavailable"), /^Payments are not available/);
	assert.equal(failureWords(new Failure("offline", "You seem to be offline.")), "You seem to be offline.");
});
