// What the API's values are called on the page.

import { type Micro, thousandths } from "./credits.ts";
import * as format from "./format.ts";
import type { Entry } from "./wire.ts";

const sources: Record<string, string> = {
	plan: "Plan credits",
	purchase: "Purchased credits",
	auto_refill: "Automatic refill",
	promo: "Promotional credits",
	adjustment: "Adjustment",
};

/** A value that the page does not know yet, as words. */
function plainWords(value: string): string {
	const words = value.replaceAll("_", " ");
	return words.charAt(0).toUpperCase() + words.slice(1);
}

export function sourceWords(source: string): string {
	return sources[source] ?? plainWords(source);
}

export function entryWords(entry: Entry): string {
	switch (entry.type) {
		case "grant":
			return sourceWords(entry.grant?.source ?? entry.type);
		case "reversal":
			return "Credits given back";
		case "expiry":
			return "Credits expired";
		default:
			return plainWords(entry.type);
	}
}

/** How a total compares with the one before. */
export function comparison(now: Micro, before: Micro, beforeWords: string): string {
	if (before <= 0n) {
		return now > 0n ? `Nothing was used in ${beforeWords}.` : `As in ${beforeWords}, nothing was used.`;
	}
	const change = thousandths(now - before, before) ?? 0;
	if (change === 0) {
		return `${now === before ? "The same" : "About the same"} as in ${beforeWords}.`;
	}
	if (change >= 2000) {
		return `${format.times((change + 1000) / 1000)} times as much as in ${beforeWords}.`;
	}
	return `${format.percent(Math.abs(change))} ${change > 0 ? "more" : "less"} than in ${beforeWords}.`;
}
