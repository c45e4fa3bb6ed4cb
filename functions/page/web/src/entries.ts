// The credit history: entries other than debits, newest first, page by page.

import { signal } from "@preact/signals";
import { Failure, type Get } from "./api.ts";
import { parseCredits } from "./credits.ts";
import { Part } from "./part.ts";
import type { Balance, Entry, EntryPage } from "./wire.ts";

/** The entries shown, newest first, and the cursor of the next page. */
export interface History {
	entries: Entry[];
	next: string | null;
}

const atMostEvery = 60_000;
const pageSize = 10;
const filePage = 200;
const fileReads = 25;
const fileTimeout = 30_000;
const usualTypes = "grant,reversal,expiry";
const paymentTypes = "renewal,plan_change,plan_end,take_back,give_back,refill";

export class EntryList {
	readonly shown = new Part<History>();
	/** Whether older entries are being read. */
	readonly readingOn = signal(false);
	readonly #get: Get;
	#types = usualTypes;
	#turn = Promise.resolve();
	#waits = false; // whether a read of the newest entries is queued
	#readAt = 0; // when they were last read
	#seq = 0; // entries up to this one were readable by then
	#stopped = false;

	constructor(get: Get) {
		this.#get = get;
	}

	stop(): void {
		this.#stopped = true;
		this.shown.stop();
	}

	/** Includes plans and payments. */
	showPayments(): void {
		this.#types = `${usualTypes},${paymentTypes}`;
		void this.#inTurn((signal) => this.#newest(signal));
	}

	/** Reads the newest entries again when the account has changed: now and then, and at once if credits were added. */
	follow(earlier: Balance | null, now: Balance | null): void {
		if (this.shown.failure.value || (earlier && now && givesCredits(earlier, now))) {
			void this.load();
		} else if (now && now.seq > this.#seq && Date.now() - this.#readAt >= atMostEvery) {
			this.#seq = earlier?.seq ?? 0; // later entries may not be listed yet
			void this.load();
		}
	}

	/** Reads the newest entries and puts them before those already shown. */
	async load(): Promise<void> {
		if (this.#waits) {
			return;
		}
		this.#waits = true;
		this.#readAt = Date.now();
		await this.#inTurn(async (signal) => {
			this.#waits = false;
			const shown = this.shown.data.value;
			const newest = await this.#newest(signal);
			const joint = newest.entries.at(-1)?.seq;
			if (!shown || joint === undefined || !shown.entries.some((entry) => entry.seq >= joint)) {
				return newest;
			}
			const older = shown.entries.filter((entry) => entry.seq < joint);
			return { entries: [...newest.entries, ...older], next: older.length ? shown.next : newest.next };
		});
	}

	/** Reads the page after the last entry shown. */
	async more(): Promise<void> {
		if (this.readingOn.value) {
			return;
		}
		this.readingOn.value = true;
		await this.#inTurn(async (signal) => {
			const shown = this.shown.data.value ?? { entries: [], next: null };
			const more = await this.#page(pageSize, shown.next, signal);
			return { entries: [...shown.entries, ...more.data], next: more.next_cursor };
		});
		this.readingOn.value = false;
	}

	/** Reads all entries, shown or not; `next` is set if there are more than a file should hold. */
	async all(): Promise<History | null> {
		const shown = this.shown.data.value ?? { entries: [], next: null };
		const entries = [...shown.entries];
		let next = shown.next;
		try {
			for (let reads = 0; next !== null && reads < fileReads; reads++) {
				const page = await this.#page(filePage, next, AbortSignal.timeout(fileTimeout));
				entries.push(...page.data);
				next = page.next_cursor;
			}
			return { entries, next };
		} catch (error) {
			this.shown.failure.value = Failure.of(error, "The file could not be created.");
			return null;
		}
	}

	/** Runs reads one after another, so that none cancels another. */
	#inTurn(read: (signal: AbortSignal) => Promise<History>): Promise<void> {
		this.#turn = this.#turn.then(async () => {
			if (!this.#stopped) {
				await this.shown.load(read);
			}
		});
		return this.#turn;
	}

	async #newest(signal: AbortSignal): Promise<History> {
		const page = await this.#page(pageSize, null, signal);
		return { entries: page.data, next: page.next_cursor };
	}

	#page(limit: number, cursor: string | null, signal: AbortSignal): Promise<EntryPage> {
		return this.#get(
			"/v1/accounts/{account_id}/entries",
			{ limit, type: this.#types, ...(cursor !== null && { cursor }) },
			signal,
		);
	}
}

/** Whether credits changed other than by usage, so that the history has new entries. */
export function givesCredits(earlier: Balance, now: Balance): boolean {
	const before = new Map(earlier.grants.map((grant) => [grant.id, parseCredits(grant.remaining)]));
	const known = now.grants.every((grant) => {
		const remaining = before.get(grant.id);
		return remaining !== undefined && parseCredits(grant.remaining) <= remaining;
	});
	return !known || now.grants.length !== earlier.grants.length || now.owed !== earlier.owed;
}
