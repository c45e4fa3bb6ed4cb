// Payments made, due or refunded: newest first, page by page.

import { Failure, type Get } from "./api.ts";
import { Part } from "./part.ts";
import type { Bill } from "./wire.ts";

/** The lines shown, newest first, and the cursor of the next page. */
export interface Bills {
	lines: Bill[];
	next: string | null;
}

const pageSize = 10;
const filePage = 200;
const filePages = 25;

export class BillList {
	readonly shown = new Part<Bills>();
	readonly #get: Get;
	readonly #stopped = new AbortController();

	constructor(get: Get) {
		this.#get = get;
	}

	stop(): void {
		this.#stopped.abort();
		this.shown.stop();
	}

	/** Reads as many lines as are shown: old ones may have changed, too. */
	async load(): Promise<void> {
		const shown = this.shown.data.peek()?.lines.length ?? 0;
		await this.shown.load((signal) => this.#read(null, Math.max(shown, pageSize), signal));
	}

	/** Reads the page after the last line shown. */
	async more(): Promise<void> {
		const shown = this.shown.data.value ?? { lines: [], next: null };
		await this.shown.load(async (signal) => {
			const more = await this.#read(shown.next, pageSize, signal);
			return { lines: [...shown.lines, ...more.lines], next: more.next };
		});
	}

	/** Reads all lines, shown or not; `next` is set if there are more than a file should hold. */
	async all(): Promise<Bills | null> {
		try {
			return await this.#read(null, filePage * filePages, this.#stopped.signal);
		} catch (error) {
			this.shown.failure.value = Failure.of(error, "The file could not be created.");
			return null;
		}
	}

	async #read(from: string | null, wanted: number, signal: AbortSignal): Promise<Bills> {
		const lines: Bill[] = [];
		let cursor = from;
		do {
			const page = await this.#get(
				"/v1/accounts/{account_id}/billing-history",
				{ limit: Math.min(wanted - lines.length, filePage), ...(cursor !== null && { cursor }) },
				signal,
			);
			lines.push(...page.data);
			cursor = page.next_cursor;
		} while (cursor !== null && lines.length < wanted);
		return { lines, next: cursor };
	}
}
