import assert from "node:assert/strict";
import { test } from "node:test";
import { type Preset, presets } from "../src/choice.ts";
import { ChosenRange } from "../src/chosen.ts";
import { Clock } from "../src/clock.ts";
import { lastPeriod, presetsFor } from "../src/periods.ts";
import { subscription } from "./answers.ts";

const offered = presetsFor(subscription(), [], "UTC");

/** A range that counts how often other days are to be shown, and where the address went. */
function chosen(query: string) {
	const went: string[] = [];
	Object.assign(globalThis, {
		location: { pathname: "/usage" },
		history: { state: null, replaceState: (_: unknown, __: string, address: string) => went.push(address) },
	});
	const seen = { changes: 0 };
	const range = new ChosenRange(new Clock("UTC"), query, () => seen.changes++);
	return { range, went, seen };
}

test("what is chosen by hand stands in the address and is shown", () => {
	const { range, went, seen } = chosen("?range=7d");
	assert.equal(range.choice.value.name, "7d");
	range.choose({ name: "90d" });
	assert.deepEqual(went, ["/usage?range=90d"]);
	assert.equal(seen.changes, 1);
	assert.equal(range.period().beforeWords, "the 90 days before");
});

test("what the address has chosen counts once it is offered", () => {
	const { range, seen } = chosen(`?range=${lastPeriod}`);
	assert.equal(range.choice.value.name, "30d");
	range.offer(offered);
	assert.equal(range.choice.value.name, lastPeriod);
	assert.equal(seen.changes, 1);
});

test("what was chosen by hand is not undone by an offer", () => {
	const { range, seen } = chosen(`?range=${lastPeriod}`);
	range.choose({ name: "7d" });
	range.offer(offered);
	assert.equal(range.choice.value.name, "7d");
	assert.equal(seen.changes, 1);
});

test("an offer that changes no day has nothing read", () => {
	const { range, seen } = chosen("");
	const same: Preset[] = [...presets];
	range.offer(same);
	assert.equal(range.offered.value, same);
	assert.equal(seen.changes, 0);
});
