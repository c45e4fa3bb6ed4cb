import assert from "node:assert/strict";
import { test } from "node:test";
import { periodOf, presets } from "../src/choice.ts";
import { parseCredits } from "../src/credits.ts";
import { lasting, paceRange } from "../src/pace.ts";
import { unusualDays } from "../src/unusual.ts";
import { neverUsed, rangesBefore } from "../src/usage.ts";

const week = (...credits: string[]) => credits.map(parseCredits);

/** What is said of those credits after a week of such days, and what was used today. */
const lasts = (available: string, used: string, today = "0") =>
	lasting(parseCredits(available), week(...used.split(" "), today));

test("credits last as long as the last full week's pace says", () => {
	assert.deepEqual(paceRange("2026-11-24"), { from: "2026-11-17", to: "2026-11-24" });
	assert.equal(lasts("120", "10 10 10 10 10 10 10", "500"), "About 12 days at the pace of the last 7 days");
	assert.equal(lasts("10", "10 10 10 10 10 10 10"), "About 1 day at the pace of the last 7 days");
	assert.equal(lasts("9.999999", "70 0 0 0 0 0 0"), "Less than a day at the pace of the last 7 days");
	assert.equal(lasts("3660", "70 0 0 0 0 0 0"), "More than a year at the pace of the last 7 days");
	assert.equal(lasts("3650", "70 0 0 0 0 0 0"), "About 365 days at the pace of the last 7 days");
	assert.equal(lasts("98765432109876543210", "700 0 0 0 0 0 0"), "More than a year at the pace of the last 7 days");
	assert.equal(lasts("5", "0 0 0 0 0 0 0"), "Nothing was used in the last 7 days.");
	assert.equal(lasts("5", "0 0 0 -1 0 0 0"), "Nothing was used in the last 7 days.");
	assert.equal(lasts("0", "70 0 0 0 0 0 0"), "No credits are left.");
	assert.equal(lasts("0", "0 0 0 0 0 0 0", "1"), "No credits are left.");
	assert.equal(lasts("0", "0 0 0 0 0 0 0"), "No credits are available.");
});

test("the days before the first use slow no pace", () => {
	assert.equal(lasts("100", "0 0 0 0 0 0 0", "10"), "It is too early to estimate how long your credits will last.");
	assert.equal(lasts("100", "0 0 0 0 0 0 10", "10"), "About 10 days at yesterday's pace");
	assert.equal(lasts("100", "0 0 0 0 10 0 20"), "About 10 days at the pace of the last 3 days");
	assert.equal(lasts("100", "0 0 0 -5 10 0 20"), "About 10 days at the pace of the last 3 days");
	assert.equal(lasts("100", "10 0 0 0 0 0 60"), "About 10 days at the pace of the last 7 days");
});

test("an account that has used something before is not told what will be there", () => {
	const total = (credits: string) => ({ credits, debits: 0, messages: 0, conversations: 0 });
	const before = (credits: string) => new Map([["2026-11-16", parseCredits(credits)]]);
	const nothing = { total: total("0"), before: before("0"), pace: week("0", "0") };
	assert.ok(neverUsed(nothing));
	assert.ok(neverUsed({ ...nothing, before: null }));
	assert.ok(!neverUsed({ ...nothing, total: total("1") }));
	assert.ok(!neverUsed({ ...nothing, before: before("0.5") }));
	assert.ok(!neverUsed({ ...nothing, pace: week("0", "2") }));
});

test("the days before and those of the pace take one question, where they lie near", () => {
	const today = "2026-11-24";
	const asked = (choice: Parameters<typeof periodOf>[0]) =>
		rangesBefore(periodOf(choice, today, presets), paceRange(today)).map((range) => `${range.from}..${range.to}`);
	assert.deepEqual(asked({ name: "30d" }), ["2026-09-26..2026-10-25"]);
	assert.deepEqual(asked({ name: "7d" }), ["2026-11-11..2026-11-17"]);
	assert.deepEqual(asked({ name: "custom", range: { from: "2026-11-10", to: "2026-11-16" } }), [
		"2026-11-03..2026-11-24",
	]);
	assert.deepEqual(asked({ name: "last-month" }), ["2026-09-01..2026-09-30", "2026-11-17..2026-11-24"]);
	assert.deepEqual(asked({ name: "custom", range: { from: "2026-03-01", to: "2026-03-31" } }), [
		"2026-01-29..2026-02-28",
		"2026-11-17..2026-11-24",
	]);
	assert.deepEqual(asked({ name: "custom", range: { from: "2026-11-24", to: "2026-11-24" } }), [
		"2026-11-17..2026-11-23",
	]);
});

const days = (...credits: number[]) =>
	credits.map((size, i) => ({ day: `2026-11-${String(i + 1).padStart(2, "0")}`, credits: BigInt(size) * 1_000_000n }));

test("a day that stands out is named, with how much", () => {
	const found = unusualDays(days(100, 110, 90, 105, 95, 100, 310, 102));
	assert.equal(found.length, 1);
	assert.equal(found[0]?.day, "2026-11-07");
	assert.ok(Math.abs((found[0]?.times ?? 0) - 3.07) < 0.02);
});

test("the largest of several is named first", () => {
	const found = unusualDays(days(10, 10, 10, 10, 10, 40, 10, 10, 70, 10));
	assert.deepEqual(
		found.map((one) => one.day),
		["2026-11-09", "2026-11-06"],
	);
});

test("usual ups and downs, few days and rest days are not pointed out", () => {
	assert.deepEqual(unusualDays(days(100, 20, 180, 60, 140, 90, 190, 30)), []);
	assert.deepEqual(unusualDays(days(1, 1, 1, 1, 1, 50)), []);
	assert.deepEqual(unusualDays(days(0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 50)), []);
	assert.deepEqual(unusualDays(days(100, 100, 100, 100, 100, 100, 100, 199)), []); // not twice as much
});
