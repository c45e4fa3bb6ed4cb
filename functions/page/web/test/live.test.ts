import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../src/api.ts";
import { Live, Part } from "../src/live.ts";
import type { EntryPage } from "../src/wire.ts";

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
	assert.equal(part.failure.value?.message, "The answer was not understood.");
});

const session = { token: "t", account: "acme", name: "Acme", zone: "UTC", returnURL: null };

test("older entries and the newest ones are read one after the other", async () => {
	const entries = (...seqs: number[]) => seqs.map((seq) => ({ seq }));
	const listed = [entries(9, 8), entries(7, 6), entries(11, 9)];
	const asked: string[] = [];
	let running = 0;
	const get = async (path: string) => {
		assert.equal(++running, 1);
		asked.push(/cursor=(\w+)/.exec(path)?.[1] ?? "newest");
		await new Promise((resolve) => setTimeout(resolve));
		running--;
		const data = listed[asked.length - 1] ?? [];
		return { data, next_cursor: `after${data.at(-1)?.seq}` } as EntryPage;
	};
	const live = new Live(session, get as never, "");
	await live.loadHistory();
	await Promise.all([live.moreHistory(), live.moreHistory(), live.loadHistory(), live.loadHistory()]);
	assert.deepEqual(asked, ["newest", "after8", "newest"]);
	const shown = live.history.data.value;
	assert.deepEqual(
		shown?.entries.map(({ seq }) => seq),
		[11, 9, 8, 7, 6],
	);
	assert.equal(shown?.next, "after6");
	assert.equal(live.readingOn.value, false);
});

test("today is by the API's clock where the device's is far off", async () => {
	Object.assign(globalThis, {
		document: { hidden: false, removeEventListener() {} },
		window: { removeEventListener() {} },
	});
	const balanceAt = (instant: number) => ({
		available: "1",
		overage: { limit: "0", used: "0" },
		grants: [],
		seq: 0,
		as_of: new Date(instant).toISOString(),
	});
	let late = 0;
	const live = new Live(session, (async () => balanceAt(Date.now() - late)) as never, "");
	const seen = async (milliseconds: number) => {
		late = milliseconds;
		live.hurry(null);
		await new Promise((resolve) => setTimeout(resolve, 5));
		return live.skew.value;
	};
	assert.equal(await seen(2_000), 0);
	const day = 86_400_000;
	assert.ok(Math.abs((await seen(day)) + day) < 5_000);
	assert.ok(Math.abs(live.now() - (Date.now() - day)) < 5_000);
	assert.equal(live.today(), new Date(live.now()).toISOString().slice(0, 10));
	live.stop();
});
