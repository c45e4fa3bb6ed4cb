import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../src/api.ts";
import { Catalog } from "../src/catalog.ts";
import { pack, plan } from "./answers.ts";

const unknown = new Failure("problem", "", "urn:drawdown:problem:not-found");

/** Loads a catalog whose pages are these, by path and cursor; tells whether that was done. */
async function loaded(pages: Record<string, unknown>, ends = (_: unknown) => false) {
	const catalog = new Catalog((async (path: string, query: { cursor?: string }) => {
		const page = pages[`${path} ${query.cursor ?? ""}`.trim()];
		if (page instanceof Error) {
			throw page;
		}
		return page;
	}) as never);
	let done = 0;
	await catalog.load(ends, () => done++);
	catalog.stop();
	return { catalog, done };
}

test("all pages of both kinds are offered, the cheapest first", async () => {
	const { catalog, done } = await loaded({
		"/v1/plans": { data: [plan("team", 14900)], next_cursor: "on" },
		"/v1/plans on": { data: [plan("free", 0), plan("pro", 4900)], next_cursor: null },
		"/v1/packs": { data: [pack()], next_cursor: null },
	});
	assert.deepEqual(
		catalog.plans.value.map(({ id }) => id),
		["free", "pro", "team"],
	);
	assert.equal(catalog.packs.value.length, 1);
	assert.ok(catalog.offered.value);
	assert.equal(done, 1);
});

test("a platform without plans may sell packs, and one without both offers nothing", async () => {
	const packs = { data: [pack()], next_cursor: null };
	const some = await loaded({ "/v1/plans": unknown, "/v1/packs": packs });
	assert.ok(some.catalog.offered.value);
	const none = await loaded({ "/v1/plans": unknown, "/v1/packs": unknown });
	assert.ok(!none.catalog.offered.value);
	assert.equal(none.done, 1);
});

test("what cannot be read now is not known, and an ended session is noticed", async () => {
	const failed = new Failure("offline", "");
	const seen: unknown[] = [];
	const { catalog, done } = await loaded({ "/v1/plans": failed, "/v1/packs": failed }, (error) => {
		seen.push(error);
		return false;
	});
	assert.equal(done, 0);
	assert.ok(!catalog.offered.value);
	assert.deepEqual(seen, [failed]);
});
