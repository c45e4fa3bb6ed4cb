// The plans and packs that the platform offers, cheapest first.

import { batch, computed, signal } from "@preact/signals";
import { Failure, type Get } from "./api.ts";
import type { Pack, Plan } from "./wire.ts";

const pageSize = 200;
const mostPages = 5;
const firstTryAgain = 10_000;
const lastTryAgain = 60_000;

export class Catalog {
	readonly plans = signal<Plan[]>([]);
	readonly packs = signal<Pack[]>([]);
	/** Whether anything is offered. */
	readonly offered = computed(() => this.plans.value.length > 0 || this.packs.value.length > 0);
	readonly #get: Get;
	readonly #stopped = new AbortController();
	#tryAgain: ReturnType<typeof setTimeout> | undefined;

	constructor(get: Get) {
		this.#get = get;
	}

	stop(): void {
		this.#stopped.abort();
		clearTimeout(this.#tryAgain);
	}

	/** Reads what is offered, with retries until it is known or the session ends; then calls `done`. */
	async load(noticeEnd: (error: unknown) => boolean, done: () => void, wait = firstTryAgain): Promise<void> {
		const { signal } = this.#stopped;
		try {
			const [plans, packs] = await Promise.all([
				allOf((query) => this.#get("/v1/plans", query, signal)),
				allOf((query) => this.#get("/v1/packs", query, signal)),
			]);
			if (signal.aborted) {
				return;
			}
			batch(() => {
				this.plans.value = plans.sort((a, b) => a.price.amount - b.price.amount);
				this.packs.value = packs.sort((a, b) => a.price.amount - b.price.amount);
			});
			done();
		} catch (error) {
			if (!signal.aborted && !noticeEnd(error)) {
				const next = Math.min(2 * wait, lastTryAgain);
				this.#tryAgain = setTimeout(() => void this.load(noticeEnd, done, next), wait);
			}
		}
	}
}

interface Page<T> {
	data: T[];
	next_cursor: string | null;
}

/** All of one kind; none if the platform does not have the kind. */
async function allOf<T>(read: (query: { limit: number; cursor?: string }) => Promise<Page<T>>): Promise<T[]> {
	const found: T[] = [];
	let cursor: string | null = null;
	for (let pages = 0; pages < mostPages; pages++) {
		try {
			const page: Page<T> = await read({ limit: pageSize, ...(cursor !== null && { cursor }) });
			found.push(...page.data);
			cursor = page.next_cursor;
		} catch (error) {
			if (error instanceof Failure && error.is("not-found")) {
				return [];
			}
			throw error;
		}
		if (cursor === null) {
			break;
		}
	}
	return found;
}
