// What the page's reads show about its session and its connection to the API.

import { computed, signal } from "@preact/signals";
import type { OpenedAgent } from "./agent.ts";
import { Failure } from "./api.ts";
import type { Part } from "./part.ts";

export class Health {
	/** Why the page could not be updated, and since when. */
	readonly trouble = computed(() => {
		const shown = [...this.#parts, ...(this.#agent.detail.value ? [this.#agent.read] : [])];
		const failed = shown.filter((part) => part.data.value && part.failure.value);
		const failure = failed[0]?.failure.value;
		return failure ? { failure, since: Math.min(...failed.map((part) => part.readAt.value)) } : null;
	});
	/** Whether the API has accepted the session. */
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

	/** Whether a failure elsewhere means that the session has ended, which ends it here too. */
	noticeEnd(error: unknown): boolean {
		const ended = error instanceof Failure && error.is("unauthenticated");
		if (ended) {
			this.#ended.value = true;
		}
		return ended;
	}
}
