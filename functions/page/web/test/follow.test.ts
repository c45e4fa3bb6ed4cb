import assert from "node:assert/strict";
import { test } from "node:test";
import { waitAfter } from "../src/follow.ts";
import { Lag } from "../src/lag.ts";

test("usage that is behind for a moment is worth no word", () => {
	const lag = new Lag();
	assert.deepEqual(lag.look({ seq: 10, asOf: 7, at: 0 }), { lacking: 3, told: 0 });
	assert.deepEqual(lag.look({ seq: 10, asOf: 7, at: 3_999 }), { lacking: 3, told: 0 });
	assert.deepEqual(lag.look({ seq: 12, asOf: 7, at: 4_000 }), { lacking: 5, told: 5 });
});

test("usage that keeps up with a busy account is not late", () => {
	const lag = new Lag();
	for (let at = 0; at < 60_000; at += 3_000) {
		const seq = 100 + at;
		assert.deepEqual(lag.look({ seq, asOf: seq - 3_000, at }), { lacking: 3_000, told: 0 });
	}
	assert.deepEqual(lag.look({ seq: 200_000, asOf: 200_001, at: 70_000 }), { lacking: 0, told: 0 });
});

test("readings in vain become rarer, down to one a minute", () => {
	assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map(waitAfter), [5_000, 5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
});
