// The usage of the opened agent in the period shown.

import { computed, signal } from "@preact/signals";
import type { Get } from "./api.ts";
import type { Period } from "./choice.ts";
import { isSame } from "./days.ts";
import { Part } from "./part.ts";
import type { View } from "./usage.ts";
import type { Group } from "./wire.ts";

/** The usage of one agent in the period. */
export interface AgentView {
	agent: string;
	period: Period;
	days: Group[];
	nodes: Group[];
}

export class OpenedAgent {
	/** Its id; null if none is opened. */
	readonly id = signal<string | null>(null);
	readonly read = new Part<AgentView>();
	/** The usage read, once it is of this agent and of the period shown. */
	readonly detail = computed(() => {
		const found = this.read.data.value;
		const shown = this.#usage.data.value?.period.range;
		return found && found.agent === this.id.value && shown && isSame(found.period.range, shown) ? found : null;
	});
	readonly #get: Get;
	readonly #usage: Part<View>;

	constructor(get: Get, usage: Part<View>) {
		this.#get = get;
		this.#usage = usage;
	}

	/** Opens or closes the usage of an agent. */
	toggle(agent: string): void {
		const opened = this.id.value !== agent;
		this.id.value = opened ? agent : null;
		this.#forget();
		if (opened) {
			this.refresh();
		}
	}

	refresh(): void {
		const agent = this.id.value;
		const view = this.#usage.data.value;
		if (agent === null || !view) {
			return;
		}
		if (!view.agents.some((group) => group.key === agent)) {
			this.#forget();
			return;
		}
		const { period } = view;
		const { from, to } = period.range;
		void this.read.load(async (signal) => {
			const { groupings } = await this.#get(
				"/v1/accounts/{account_id}/usage",
				{ from, to, group_by: "day,node", agent_id: agent },
				signal,
			);
			return { agent, period, days: groupings?.day ?? [], nodes: groupings?.node ?? [] };
		});
	}

	#forget(): void {
		this.read.stop();
		this.read.failure.value = null;
	}
}
