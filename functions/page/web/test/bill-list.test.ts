import assert from "node:assert/strict";
import { test } from "node:test";
import { BillList } from "../src/bill-list.ts";
import { bill } from "./answers.ts";

/** A history of so many lines, as the API pages through it. */
function history(lines: number) {
	const asked: string[] = [];
	const list = new BillList((async (_: string, { limit, cursor = "0" }: { limit: number; cursor?: string }) => {
		asked.push(`${cursor}+${limit}`);
		const from = Number(cursor);
		const to = Math.min(from + limit, lines);
		const data = Array.from({ length: to - from }, (_, i) => bill({ id: `b${from + i}` }));
		return { data, next_cursor: to < lines ? String(to) : null };
	}) as never);
	return { list, asked };
}

test("the newest lines are read anew, as many as are shown", async () => {
	const { list, asked } = history(25);
	await list.load();
	await list.more();
	await list.load();
	assert.deepEqual(asked, ["0+10", "10+10", "0+20"]);
	assert.equal(list.shown.data.value?.lines.length, 20);
	assert.equal(list.shown.data.value?.next, "20");
	await list.more();
	assert.equal(list.shown.data.value?.lines.length, 25);
	assert.equal(list.shown.data.value?.next, null);
});

test("a file holds every line, up to what a file should hold", async () => {
	assert.equal((await history(450).list.all())?.lines.length, 450);
	const { list, asked } = history(6_000);
	const all = await list.all();
	assert.equal(all?.lines.length, 5_000);
	assert.equal(all?.next, "5000");
	assert.equal(asked.length, 25);
});
