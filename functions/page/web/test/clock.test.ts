import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../src/clock.ts";

test("the zone is the one that the API says, as far as the browser knows it", () => {
	const clock = new Clock("UTC");
	clock.moveTo("Atlantis/Capital");
	assert.equal(clock.zone.value, "UTC");
	clock.moveTo("Pacific/Kiritimati");
	assert.equal(clock.zone.value, "Pacific/Kiritimati");
	const utc = new Date(clock.now()).toISOString().slice(0, 10);
	clock.moveTo("UTC");
	assert.equal(clock.today(), utc);
});

test("the device's clock is believed until it is far off", () => {
	const clock = new Clock("UTC");
	clock.setBy(new Date(Date.now() - 25_000).toISOString());
	assert.equal(clock.skew.value, 0);
	clock.setBy(new Date(Date.now() - 35_000).toISOString());
	assert.ok(Math.abs(clock.skew.value + 35_000) < 2_000);
	clock.setBy(new Date().toISOString());
	assert.equal(clock.skew.value, 0);
});
