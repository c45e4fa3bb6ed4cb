import assert from "node:assert/strict";
import { test } from "node:test";
import { expiringSoon } from "../src/balance.tsx";
import { decimal } from "../src/credits.ts";
import { balance, grant } from "./answers.ts";

const granting = (grants: [remaining: string, expires: string | null, effective?: string][]) =>
	balance({
		grants: grants.map(([remaining, expires_at, effective], i) =>
			grant({ id: `g${i}`, remaining, effective_at: effective ?? "2026-11-01T00:00:00.000Z", expires_at }),
		),
	});

const expiring = (zone: string, ...grants: Parameters<typeof granting>[0]) =>
	expiringSoon(granting(grants), zone).map(({ day, amount }) => `${day} ${decimal(amount)}`);

test("what expires on the same day of the account's zone is one line", () => {
	const grants: Parameters<typeof granting>[0] = [
		["5", "2026-12-02T22:30:00.000Z"],
		["1.5", "2026-12-01T09:00:00.000Z"],
		["2", "2026-12-01T23:30:00.000Z"],
		["0.25", "2026-12-01T01:00:00.000Z"],
	];
	assert.deepEqual(expiring("UTC", ...grants), ["2026-12-01 3.75", "2026-12-02 5"]);
	assert.deepEqual(expiring("Europe/Berlin", ...grants), ["2026-12-01 1.75", "2026-12-02 7"]);
});

test("only what can be used and expires within 30 days is said to expire", () => {
	assert.deepEqual(
		expiring(
			"UTC",
			["1", null],
			["2", "2026-12-24T10:00:00.001Z"],
			["3", "2026-12-24T10:00:00.000Z"],
			["0", "2026-12-01T00:00:00.000Z"],
			["4", "2026-12-01T00:00:00.000Z", "2026-11-25T00:00:00.000Z"],
		),
		["2026-12-24 3"],
	);
});
