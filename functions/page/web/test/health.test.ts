import assert from "node:assert/strict";
import { test } from "node:test";
import { OpenedAgent } from "../src/agent.ts";
import { Failure } from "../src/api.ts";
import { Health } from "../src/health.ts";
import { Part } from "../src/part.ts";
import type { View } from "../src/usage.ts";

function healthy() {
	const usage = new Part<View>();
	const other = new Part<string>();
	const agent = new OpenedAgent(undefined as never, usage);
	return { usage, other, agent, health: new Health([usage, other], agent) };
}

const failing = (failure: Failure) => async () => {
	throw failure;
};

test("a session is accepted with the first answer, and refused by any", async () => {
	const { other, agent, health } = healthy();
	assert.ok(!health.accepted.value && !health.refused.value);
	await other.load(async () => "answer");
	assert.ok(health.accepted.value && !health.refused.value);
	await agent.read.load(failing(new Failure("ended", "")));
	assert.ok(health.refused.value);
});

test("only what is on the screen is in trouble, since it was read", async () => {
	const { other, health } = healthy();
	const offline = new Failure("offline", "You seem to be offline.");
	await other.load(failing(offline));
	assert.equal(health.trouble.value, null);
	await other.load(async () => "answer");
	const readAt = other.readAt.value;
	await other.load(failing(offline));
	assert.deepEqual(health.trouble.value, { failure: offline, since: readAt });
});

test("a refusal elsewhere ends the session only where it is of the session", () => {
	const { health } = healthy();
	assert.equal(health.noticeEnd(new Failure("ended", "", "urn:drawdown:problem:forbidden")), false);
	assert.equal(health.noticeEnd(new Error("unauthenticated")), false);
	assert.equal(health.refused.value, false);
	assert.equal(health.noticeEnd(new Failure("ended", "", "urn:drawdown:problem:unauthenticated")), true);
	assert.equal(health.refused.value, true);
});
