import assert from "node:assert/strict";
import { test } from "node:test";
import { type Choice, choiceOf, complaint, customName, periodOf, presets, queryOf, usual } from "../src/choice.ts";
import { addDays, addMonths, dayAt, daysOf, fits, isDay, isZone, length } from "../src/days.ts";

test("today is the day in the account's zone", () => {
	const at = Date.UTC(2026, 10, 1, 20, 0);
	assert.equal(dayAt(at, "UTC"), "2026-11-01");
	assert.equal(dayAt(at, "Asia/Kathmandu"), "2026-11-02");
	assert.equal(dayAt(at, "America/Los_Angeles"), "2026-11-01");
	assert.equal(dayAt(at, "Pacific/Kiritimati"), "2026-11-02");
});

test("days have 23 and 25 hours where clocks change", () => {
	const berlin = (month: number, day: number, hour: number, minute: number) =>
		dayAt(Date.UTC(2026, month - 1, day, hour, minute), "Europe/Berlin");
	assert.equal(berlin(3, 28, 22, 59), "2026-03-28");
	assert.equal(berlin(3, 28, 23, 0), "2026-03-29");
	assert.equal(berlin(3, 29, 21, 59), "2026-03-29"); // 23 hours later
	assert.equal(berlin(3, 29, 22, 0), "2026-03-30");
	assert.equal(berlin(10, 24, 22, 0), "2026-10-25");
	assert.equal(berlin(10, 25, 22, 59), "2026-10-25"); // 25 hours later
	assert.equal(berlin(10, 25, 23, 0), "2026-10-26");
});

test("calendar arithmetic knows no clocks", () => {
	assert.equal(addDays("2026-03-28", 2), "2026-03-30");
	assert.equal(addDays("2026-03-01", -1), "2026-02-28");
	assert.equal(addDays("2028-02-28", 1), "2028-02-29");
	assert.equal(addMonths("2026-01-31", 1), "2026-03-03"); // as the API counts
	assert.equal(addMonths("2026-03-01", -1), "2026-02-01");
	assert.equal(length({ from: "2026-03-01", to: "2026-03-31" }), 31);
	assert.equal(length({ from: "2026-11-24", to: "2026-11-24" }), 1);
	assert.deepEqual(daysOf({ from: "2026-10-24", to: "2026-10-27" }), [
		"2026-10-24",
		"2026-10-25",
		"2026-10-26",
		"2026-10-27",
	]);
});

test("days and zones that do not exist are none", () => {
	assert.ok(isDay("2028-02-29"));
	for (const text of ["2026-02-29", "2026-13-01", "2026-1-1", "", "yesterday", "2026-11-24T00:00:00Z"]) {
		assert.ok(!isDay(text), text);
	}
	assert.ok(isZone("Europe/Berlin"));
	assert.ok(!isZone("Atlantis/Capital"));
	assert.ok(!isZone(""));
});

test("a range has at most 13 months, as in the API", () => {
	assert.ok(fits({ from: "2025-11-01", to: "2026-11-30" }));
	assert.ok(!fits({ from: "2025-11-01", to: "2026-12-01" }));
	assert.ok(!fits({ from: "2026-11-02", to: "2026-11-01" }));
});

function period(choice: Choice, today: string): string {
	const { range, before } = periodOf(choice, today, presets);
	return `${range.from}..${range.to} after ${before ? `${before.from}..${before.to}` : "nothing"}`;
}

test("ranges end today and are compared with as many days before", () => {
	assert.equal(period({ name: "7d" }, "2026-11-24"), "2026-11-18..2026-11-24 after 2026-11-11..2026-11-17");
	assert.equal(period({ name: "30d" }, "2026-11-24"), "2026-10-26..2026-11-24 after 2026-09-26..2026-10-25");
	assert.equal(period({ name: "90d" }, "2026-11-24"), "2026-08-27..2026-11-24 after 2026-05-29..2026-08-26");
	const custom = { name: customName, range: { from: "2026-11-01", to: "2026-11-03" } };
	assert.equal(period(custom, "2026-11-24"), "2026-11-01..2026-11-03 after 2026-10-29..2026-10-31");
});

test("months are compared with months", () => {
	assert.equal(period({ name: "month" }, "2026-11-24"), "2026-11-01..2026-11-24 after 2026-10-01..2026-10-24");
	assert.equal(period({ name: "month" }, "2026-03-31"), "2026-03-01..2026-03-31 after 2026-02-01..2026-02-28");
	assert.equal(period({ name: "month" }, "2026-01-01"), "2026-01-01..2026-01-01 after 2025-12-01..2025-12-01");
	assert.equal(period({ name: "last-month" }, "2026-03-31"), "2026-02-01..2026-02-28 after 2026-01-01..2026-01-31");
	assert.equal(period({ name: "last-month" }, "2026-01-15"), "2025-12-01..2025-12-31 after 2025-11-01..2025-11-30");
});

test("a period before that the API would refuse is left out", () => {
	const custom = { name: customName, range: { from: "2024-02-01", to: "2025-02-28" } };
	assert.equal(periodOf(custom, "2026-11-24", presets).before?.from, "2023-01-03");
	const longest = { name: customName, range: { from: "2023-07-01", to: "2024-07-31" } };
	assert.equal(period(longest, "2026-11-24"), "2023-07-01..2024-07-31 after nothing");
});

test("the address keeps the choice", () => {
	for (const choice of [
		...presets.map(({ name }) => ({ name })),
		{ name: customName, range: { from: "2026-11-01", to: "2026-11-03" } },
	]) {
		assert.deepEqual(choiceOf(queryOf(choice), "2026-11-24", presets), choice);
	}
	for (const query of [
		"",
		"?range=era",
		"?from=2026-11-03&to=2026-11-01",
		"?from=2026-11-01",
		"?from=2026-11-01&to=2027-01-01",
	]) {
		assert.deepEqual(choiceOf(query, "2026-11-24", presets), usual, query);
	}
});

test("a custom range is checked in words", () => {
	const today = "2026-11-24";
	assert.equal(complaint("2026-11-01", "2026-11-24", today), null);
	assert.match(complaint("", "2026-11-24", today) ?? "", /both days/);
	assert.match(complaint("2026-11-02", "2026-11-01", today) ?? "", /not be after the last/);
	assert.match(complaint("2026-11-02", "2026-11-25", today) ?? "", /in the future/);
	assert.match(complaint("2025-10-01", "2026-11-24", today) ?? "", /13 months/);
});
