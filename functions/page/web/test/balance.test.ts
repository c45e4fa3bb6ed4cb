import assert from "node:assert/strict";
import { test } from "node:test";
import { expiringSoon } from "../src/balance.tsx";
import { decimal } from "../src/credits.ts";
import type { Balance } from "../src/wire.ts";

const balance = (grants: [remaining: string, expires: string | null, effective?: string][]): Balance => ({
	available: "100",
	overage: { limit: "0", used: "0" },
	seq: 7,
	as_of: "2026-11-24T10:00:00.000Z",
	grants: grants.map(([remaining, expires, effective], i) => ({
		id: `g${i}`,
		source: "promo",
		amount: remaining,
		remaining,
		effective_at: effective ?? "2026-11-01T00:00:00.000Z",
		expires_at: expires,
	})),
});

const expiring = (zone: string, ...grants: Parameters<typeof balance>[0]) =>
	expiringSoon(balance(grants), zone).map(({ day, amount }) => `${day} ${decimal(amount)}`);

test("what expires on the same day of the account's zone is one line", () => {
	const grants: Parameters<typeof balance>[0] = [
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
