import assert from "node:assert/strict";
import { test } from "node:test";
import { EntryList, givesCredits } from "../src/entries.ts";
import type { EntryPage } from "../src/wire.ts";
import { balance, grant } from "./answers.ts";

test("older entries and the newest ones are read one after the other", async () => {
	const entries = (...seqs: number[]) => seqs.map((seq) => ({ seq }));
	const listed = [entries(9, 8), entries(7, 6), entries(11, 9)];
	const asked: string[] = [];
	let running = 0;
	const get = async (_: string, query: { cursor?: string }) => {
		assert.equal(++running, 1);
		asked.push(query.cursor ?? "newest");
		await new Promise((resolve) => setTimeout(resolve));
		running--;
		const data = listed[asked.length - 1] ?? [];
		return { data, next_cursor: `after${data.at(-1)?.seq}` } as EntryPage;
	};
	const list = new EntryList(get as never);
	await list.load();
	await Promise.all([list.more(), list.more(), list.load(), list.load()]);
	assert.deepEqual(asked, ["newest", "after8", "newest"]);
	const shown = list.shown.data.value;
	assert.deepEqual(
		shown?.entries.map(({ seq }) => seq),
		[11, 9, 8, 7, 6],
	);
	assert.equal(shown?.next, "after6");
	assert.equal(list.readingOn.value, false);
});

test("the history is read again at once where credits came, and not where they were used", () => {
	const one = grant({ id: "g1", remaining: "10" });
	const before = balance({ grants: [one] });
	const after = (change: Parameters<typeof balance>[0]) => givesCredits(before, balance({ grants: [one], ...change }));
	assert.equal(after({ seq: 8 }), false);
	assert.equal(after({ grants: [{ ...one, remaining: "9.5" }] }), false);
	assert.equal(after({ grants: [{ ...one, remaining: "10.5" }] }), true);
	assert.equal(after({ grants: [one, grant({ id: "g2" })] }), true);
	assert.equal(after({ grants: [] }), true);
	assert.equal(after({ owed: "1" }), true);
});
