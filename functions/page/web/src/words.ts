// How the page names the API's values.

import { type Micro, parseCredits, sum, thousandths } from "./credits.ts";
import * as format from "./format.ts";
import { moneyWords, rateWords } from "./money.ts";
import type { Bill, Entry, Plan, Subscription } from "./wire.ts";

const sources: Record<string, string> = {
	plan: "Plan credits",
	purchase: "Purchased credits",
	auto_refill: "Automatic refill",
	promo: "Promotional credits",
	adjustment: "Adjustment",
};

/** A value without a name of its own, as words. */
function plainWords(value: string): string {
	const words = value.replaceAll("_", " ");
	return words.charAt(0).toUpperCase() + words.slice(1);
}

export function sourceWords(source: string): string {
	return sources[source] ?? plainWords(source);
}

/** The names of plans, by id. */
export type Names = Map<string, string>;

const noNames: Names = new Map();

function refillStepWords({ step, outcome, phase }: NonNullable<Entry["refill"]>): string {
	if (step === "settled") {
		return outcome === "paid" ? "Automatic refill" : "Automatic refill failed";
	}
	if (step === "set") {
		return phase === "off" ? "Automatic refill turned off" : "Automatic refill set up";
	}
	return step === "started" ? "Automatic refill started" : "Automatic refill postponed";
}

export function entryWords(entry: Entry, names = noNames): string {
	const plan = entry.renewal?.plan_id ?? entry.plan?.plan_id ?? "";
	const planName = names.get(plan) ?? plan;
	switch (entry.type) {
		case "renewal":
			return `${planName}: new period`;
		case "plan_change":
			return `Plan changed to ${planName}`;
		case "plan_end":
			return `${planName} ended`;
		case "take_back":
			return "Credits taken back";
		case "give_back":
			return "Credits restored";
		case "refill":
			return entry.refill ? refillStepWords(entry.refill) : "Automatic refill";
		case "grant":
			return sourceWords(entry.grant?.source ?? entry.type);
		case "reversal":
			return "Debit reversed";
		case "expiry":
			return "Credits expired";
		default:
			return plainWords(entry.type);
	}
}

const refillReasons: Record<string, string> = {
	declined: "The card was declined",
	authentication_required: "The bank requires you to confirm the payment",
	no_card: "There is no saved card to charge",
	monthly_cap: "The monthly limit has been reached",
	pack_unavailable: "The pack is no longer available",
	credits_owed: "Credits are owed",
	rejected: "The charge was not accepted",
	failed: "The payment could not be made",
};

const recoveryReasons: Record<string, string> = {
	refunded: "The payment was refunded",
	disputed: "The payment is disputed",
	"dispute lost": "The dispute was lost",
	"dispute won": "The dispute was won",
};

/** The details shown below an entry. */
export function entryDetails(entry: Entry): string[] {
	const { renewal, plan, recovery, refill } = entry;
	const said = (amount: bigint, rest: string) =>
		amount > 0n ? `${format.credits(amount)} ${format.plural(amount, "credit")} ${rest}` : "";
	const closed = renewal ?? plan;
	const overage = closed?.overage;
	const billed = overage?.price ? `of overage billed, ${moneyWords(overage.price)}` : "of overage not billed";
	const ended = sum((closed?.ended ?? []).map((part) => parseCredits(part.credits)));
	const grant = entry.grant ?? closed?.grant ?? refill?.grant;
	const reason = refill?.outcome === "paid" ? "" : (refill?.reason ?? "");
	const bought = entry.grant?.source === "purchase" || entry.grant?.source === "auto_refill";
	const given = bought && /^pack \S+$/.test(entry.grant?.reason ?? "") ? "" : entry.grant?.reason;
	const why = recovery?.reason ?? "";
	return [
		given || entry.reversal?.reason || "",
		recoveryReasons[why] ?? why,
		recovery && entry.type === "take_back" ? said(parseCredits(recovery.owed), "of them owed") : "",
		refillReasons[reason] ?? reason,
		said(ended, "from the last period expired"),
		renewal ? said(parseCredits(renewal.carried_over), "carried over") : "",
		overage ? said(parseCredits(overage.credits), billed) : "",
		said(parseCredits(grant?.owed_paid ?? "0"), "deducted for credits owed"),
	].filter(Boolean);
}

const billKinds: Record<string, string> = {
	purchase: "Credits bought",
	refill: "Automatic refill",
	plan: "Plan",
	plan_change: "Change of plan",
	overage: "Overage",
	refund: "Refund",
};

export function billKindWords(kind: string): string {
	return billKinds[kind] ?? plainWords(kind);
}

const billStates: Record<string, string> = {
	pending: "Pending",
	open: "Open",
	paid: "Paid",
	failed: "Failed",
	void: "Void",
	disputed: "Disputed",
};

export function billStateWords(bill: Bill): string {
	return bill.kind === "refund" && bill.state === "paid"
		? "Refunded"
		: (billStates[bill.state] ?? plainWords(bill.state));
}

/** How long the credits of a pack can be used. */
export function validityWords(days: number): string {
	if (days <= 0) {
		return "Never expires";
	}
	if (days % 365 === 0) {
		return `Valid for ${days === 365 ? "a year" : `${days / 365} years`}`;
	}
	return `Valid for ${format.count(days)} ${format.plural(days, "day")}`;
}

/** The overage that a plan allows. */
export function overageWords(plan: Plan): string {
	const { policy, limit, price_per_credit } = plan.overage;
	const most = parseCredits(limit);
	if (policy !== "bill" || most <= 0n) {
		return "No overage";
	}
	const free = parseCredits(price_per_credit) === 0n;
	const each = free ? "free of charge" : `at ${rateWords(price_per_credit, plan.price.currency)} a credit`;
	return `Up to ${format.credits(most)} ${format.plural(most, "credit")} of overage, ${each}`;
}

/** What choosing a plan would do. */
export type PlanStep = "start" | "current" | "keep" | "next" | "upgrade" | "downgrade" | "apart";

export function planStep(plan: Plan, subscription: Subscription | null): PlanStep {
	const present = subscription?.plan;
	if (!present) {
		return "start";
	}
	const next = subscription.next_plan_id;
	if (plan.id === present.id) {
		return next !== null && next !== plan.id ? "keep" : "current";
	}
	if (plan.id === next) {
		return "next";
	}
	if (present.price.amount === 0) {
		return plan.price.amount > 0 ? "start" : "downgrade";
	}
	const alike = plan.interval === present.interval && plan.price.currency === present.price.currency;
	if (!alike || plan.price.amount === 0) {
		return "apart"; // it can only start after the current plan ends
	}
	return plan.price.amount > present.price.amount ? "upgrade" : "downgrade";
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
