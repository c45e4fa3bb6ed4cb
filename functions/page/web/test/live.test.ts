import assert from "node:assert/strict";
import { test } from "node:test";
import { Live } from "../src/live.ts";
import { balance, session } from "./answers.ts";

test("today is by the API's clock where the device's is far off", async () => {
	Object.assign(globalThis, {
		document: { hidden: false, removeEventListener() {} },
		window: { removeEventListener() {} },
	});
	const balanceAt = (instant: number) => balance({ seq: 0, as_of: new Date(instant).toISOString() });
	let late = 0;
	const live = new Live(session, (async () => balanceAt(Date.now() - late)) as never, "");
	const seen = async (milliseconds: number) => {
		late = milliseconds;
		live.hurry(null);
		await new Promise((resolve) => setTimeout(resolve, 5));
		return live.clock.skew.value;
	};
	assert.equal(await seen(2_000), 0);
	const day = 86_400_000;
	assert.ok(Math.abs((await seen(day)) + day) < 5_000);
	assert.ok(Math.abs(live.clock.now() - (Date.now() - day)) < 5_000);
	assert.equal(live.clock.today(), new Date(live.clock.now()).toISOString().slice(0, 10));
	live.stop();
});
