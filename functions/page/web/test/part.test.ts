import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../src/api.ts";
import { Part } from "../src/part.ts";

/** A question whose answer comes when the test says so. */
function question<T>() {
	let answer: (value: T) => void = () => {};
	let refuse: (error: unknown) => void = () => {};
	const promise = new Promise<T>((resolve, reject) => {
		answer = resolve;
		refuse = reject;
	});
	return { answer, refuse, ask: () => promise };
}

test("an answer that was overtaken by a later question is never shown", async () => {
	const part = new Part<string>();
	const first = question<string>();
	const second = question<string>();
	const loads = [part.load(first.ask), part.load(second.ask)];
	second.answer("second");
	first.answer("first");
	assert.deepEqual(await Promise.all(loads), [false, true]);
	assert.equal(part.data.value, "second");
	assert.equal(part.loading.value, false);
});

test("a question that is given up is told so, and its failure is nobody's", async () => {
	const part = new Part<string>();
	const first = question<string>();
	let given: AbortSignal | undefined;
	const overtaken = part.load((signal) => {
		given = signal;
		return first.ask();
	});
	const second = question<string>();
	const last = part.load(second.ask);
	assert.equal(given?.aborted, true);
	first.refuse(new Failure("offline", "gone"));
	second.answer("second");
	await Promise.all([overtaken, last]);
	assert.equal(part.failure.value, null);
});

test("what is on the screen stays there when a refresh fails", async () => {
	const part = new Part<string>();
	await part.load(async () => "old");
	const readAt = part.readAt.value;
	await part.load(async () => {
		throw new Failure("problem", "Temporarily unavailable");
	});
	assert.equal(part.data.value, "old");
	assert.equal(part.readAt.value, readAt);
	assert.equal(part.failure.value?.message, "Temporarily unavailable");
	await part.load(async () => "new");
	assert.equal(part.data.value, "new");
	assert.equal(part.failure.value, null);
});

test("an answer that cannot be understood is a failure in words", async () => {
	const part = new Part<string>();
	await part.load(async () => {
		throw new SyntaxError("Unexpected token < in JSON");
	});
	assert.equal(part.failure.value?.message, "The service sent an unexpected answer.");
});
