import assert from "node:assert/strict";
import { test } from "node:test";
import { periodOf, presets } from "../src/choice.ts";
import { choiceAmong, lastPeriod, monthsLater, presetsFor, thisPeriod } from "../src/periods.ts";
import { entry, plan, subscription } from "./answers.ts";

const subscribed = (start: string, end: string, interval: "month" | "year" = "month") =>
	subscription({ plan: plan("pro", 4900, interval), period_start: start, period_end: end, renews_at: end });

const november = subscribed("2026-11-09T23:30:00.000Z", "2026-12-09T23:30:00.000Z");

test("a month later is on the last day where the month is too short", () => {
	const later = (from: string, months: number) => new Date(monthsLater(Date.parse(from), months)).toISOString();
	assert.equal(later("2026-03-31T08:00:00.000Z", -1), "2026-02-28T08:00:00.000Z");
	assert.equal(later("2026-01-31T08:00:00.000Z", -1), "2025-12-31T08:00:00.000Z");
	assert.equal(later("2028-02-29T08:00:00.000Z", -12), "2027-02-28T08:00:00.000Z");
});

test("billing periods take the place of months, with the days of the account's zone", () => {
	const offered = presetsFor(november, [], "Europe/Berlin");
	assert.deepEqual(
		offered.map(({ name }) => name),
		["7d", "30d", "90d", thisPeriod, lastPeriod],
	);
	const now = periodOf({ name: thisPeriod }, "2026-11-24", offered);
	assert.deepEqual(now.range, { from: "2026-11-10", to: "2026-11-24" });
	assert.deepEqual(now.before, { from: "2026-10-10", to: "2026-10-24" });
	const last = periodOf({ name: lastPeriod }, "2026-11-24", offered);
	assert.deepEqual(last.range, { from: "2026-10-10", to: "2026-11-09" });
	assert.deepEqual(last.before, { from: "2026-09-10", to: "2026-10-09" });
	const utc = periodOf({ name: thisPeriod }, "2026-11-24", presetsFor(november, [], "UTC"));
	assert.equal(utc.range.from, "2026-11-09");
});

test("the last period is the one that the ledger knows", () => {
	const renewal = { subscription_id: "s", plan_id: "pro", carried_over: "0" };
	const renewed = (period_start: string, period_end: string) =>
		entry("renewal", { renewal: { ...renewal, period_start, period_end } });
	const entries = [
		renewed("2026-11-09T23:30:00.000Z", "2026-12-09T23:30:00.000Z"),
		renewed("2026-10-20T10:00:00.000Z", "2026-11-09T23:30:00.000Z"),
	];
	const offered = presetsFor(november, entries, "UTC");
	assert.deepEqual(periodOf({ name: lastPeriod }, "2026-11-24", offered).range, {
		from: "2026-10-20",
		to: "2026-11-08",
	});
	// This period is compared with no more days than the last one had.
	const late = periodOf({ name: thisPeriod }, "2026-12-05", offered);
	assert.deepEqual(late.before, { from: "2026-10-20", to: "2026-11-08" });
});

test("a year is compared with a year", () => {
	const year = subscribed("2026-02-01T08:00:00.000Z", "2027-02-01T08:00:00.000Z", "year");
	const last = periodOf({ name: lastPeriod }, "2026-11-24", presetsFor(year, [], "UTC"));
	assert.deepEqual(last.range, { from: "2025-02-01", to: "2026-01-31" });
	assert.deepEqual(last.before, { from: "2024-02-01", to: "2025-01-31" });
});

test("without a subscription months stay", () => {
	assert.equal(presetsFor(null, [], "UTC"), presets);
	assert.equal(presetsFor({ ...november, plan: null }, [], "UTC"), presets);
});

test("a choice that is not offered any more is what has taken its place", () => {
	const offered = presetsFor(november, [], "UTC");
	assert.deepEqual(choiceAmong({ name: "month" }, offered), { name: thisPeriod });
	assert.deepEqual(choiceAmong({ name: lastPeriod }, presets), { name: "last-month" });
	assert.deepEqual(choiceAmong({ name: "7d" }, offered), { name: "7d" });
	const custom = { name: "custom", range: { from: "2026-11-01", to: "2026-11-02" } };
	assert.deepEqual(choiceAmong(custom, offered), custom);
});
