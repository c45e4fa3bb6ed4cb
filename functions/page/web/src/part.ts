// A value that is read repeatedly.

import { batch, signal } from "@preact/signals";
import { Failure } from "./api.ts";

/** The last value read, and why later reads failed. */
export class Part<T> {
	readonly data = signal<T | null>(null);
	readonly failure = signal<Failure | null>(null);
	readonly loading = signal(false);
	readonly readAt = signal(0);
	#running: AbortController | null = null;

	/** Reads again. A read in progress is canceled, since its answer would be older. */
	async load(read: (signal: AbortSignal) => Promise<T>): Promise<boolean> {
		this.#running?.abort();
		const running = new AbortController();
		this.#running = running;
		this.loading.value = true;
		try {
			const data = await read(running.signal);
			if (running.signal.aborted) {
				return false;
			}
			batch(() => {
				this.data.value = data;
				this.failure.value = null;
				this.readAt.value = Date.now();
			});
			return true;
		} catch (error) {
			if (!running.signal.aborted) {
				this.failure.value = Failure.of(error);
			}
			return false;
		} finally {
			if (this.#running === running) {
				this.#running = null;
				this.loading.value = false;
			}
		}
	}

	stop(): void {
		this.#running?.abort();
	}
}
