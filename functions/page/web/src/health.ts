// What the reads of the page say about its session and its line to the API.

import { computed, signal } from "@preact/signals";
import type { OpenedAgent } from "./agent.ts";
import { Failure } from "./api.ts";
import type { Part } from "./part.ts";

export class Health {
	/** Why what is on the screen could not be read again, and since when. */
	readonly trouble = computed(() => {
		const shown = [...this.#parts, ...(this.#agent.detail.value ? [this.#agent.read] : [])];
		const failed = shown.filter((part) => part.data.value && part.failure.value);
		const failure = failed[0]?.failure.value;
		return failure ? { failure, since: Math.min(...failed.map((part) => part.readAt.value)) } : null;
	});
	/** Whether the API has answered the session. */
	readonly accepted = computed(() => this.#parts.some((part) => part.data.value !== null));
	/** Whether the API has refused the session. */
	readonly refused = computed(
		() => this.#ended.value || [...this.#parts, this.#agent.read].some((part) => part.failure.value?.kind === "ended"),
	);
	readonly #parts: Part<unknown>[];
	readonly #agent: OpenedAgent;
	readonly #ended = signal(false);

	constructor(parts: Part<unknown>[], agent: OpenedAgent) {
		this.#parts = parts;
		this.#agent = agent;
	}

	/** Whether what went wrong elsewhere says that the session is over, which ends it here too. */
	noticeEnd(error: unknown): boolean {
		const ended = error instanceof Failure && error.is("unauthenticated");
		if (ended) {
			this.#ended.value = true;
		}
		return ended;
	}
}
