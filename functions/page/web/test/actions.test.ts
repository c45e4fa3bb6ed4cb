import assert from "node:assert/strict";
import { test } from "node:test";
import { Actions } from "../src/actions.ts";
import { Failure } from "../src/api.ts";

test("one thing is done at a time", async () => {
	const actions = new Actions(() => false);
	let finish = () => {};
	const first = actions.run("first", () => new Promise((resolve) => (finish = resolve)));
	assert.equal(actions.doing.value, "first");
	let acted = false;
	const second = await actions.run("second", async () => {
		acted = true;
	});
	assert.deepEqual([second, acted, actions.doing.value], [false, false, "first"]);
	finish();
	assert.equal(await first, true);
	assert.equal(actions.doing.value, null);
});

test("why something could not be done is kept until the next thing", async () => {
	const actions = new Actions(() => false);
	const failure = new Failure("problem", "Your card was declined.");
	assert.equal(
		await actions.run("plan:pro", async () => {
			throw failure;
		}),
		false,
	);
	assert.deepEqual(actions.refused.value, { what: "plan:pro", failure });
	await actions.run("portal", async () => {});
	assert.equal(actions.refused.value, null);
});

test("the end of the session is no refusal of what was to be done", async () => {
	const actions = new Actions(() => true);
	await actions.run("portal", async () => {
		throw new Failure("ended", "");
	});
	assert.equal(actions.refused.value, null);
	assert.equal(actions.doing.value, null);
});
