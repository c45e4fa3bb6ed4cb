// Today's prices, by node and action.

import type { Get } from "./api.ts";
import { Part } from "./part.ts";
import type { Rate } from "./wire.ts";

const last = 300_000; // milliseconds until they are read again

export class Rates {
	readonly read = new Part<Map<string, Rate>>();
	readonly #get: Get;

	constructor(get: Get) {
		this.#get = get;
	}

	load(): void {
		void this.read.load(async (signal) => {
			const card = await this.#get("/v1/rate-card", {}, signal);
			return new Map(card.rates.map((rate) => [`${rate.node}/${rate.action}`, rate]));
		});
	}

	/** Reads them again if the last read failed or is too old. */
	refresh(): void {
		const due = this.read.failure.value !== null || Date.now() - this.read.readAt.value >= last;
		if (due && !this.read.loading.value) {
			this.load();
		}
	}
}
