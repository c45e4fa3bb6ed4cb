// The visit to the payment page: what the account had before it, so that the page
// notices when the purchase arrives.

import { parseCredits } from "./credits.ts";
import type { Balance, Bill, Subscription } from "./wire.ts";

/** The outcome that the payment page reported. */
export type Outcome = "success" | "canceled";

/** The state of the account when the person went to pay. */
interface Mark {
	available: string;
	owed: string;
	grants: string[];
	bills: string[]; // the ids of what was paid
	plan: string;
}

export interface Visit {
	account: string;
	wish: string; // "plan:<id>" or "pack:<id>"; empty: not known
	pays: boolean;
	mark: Mark | null; // null where it is not known
}

const storageKey = "drawdown.checkout";
const justNow = 180_000; // a purchase of so short a while ago is the one that the person comes from

const paidLines = (bills: { lines: Bill[] } | null) =>
	(bills?.lines ?? []).filter(
		({ kind, state }) => state === "paid" && (kind === "purchase" || kind === "plan" || kind === "plan_change"),
	);
const planOf = (subscription: Subscription | null) =>
	`${subscription?.plan?.id ?? ""} ${subscription?.next_plan_id ?? ""}`;

export function markOf(
	balance: Balance | null,
	subscription: Subscription | null,
	bills: { lines: Bill[] } | null,
): Mark | null {
	return (
		balance && {
			available: balance.available,
			owed: balance.owed ?? "0",
			grants: balance.grants.map(({ id }) => id),
			bills: paidLines(bills).map(({ id }) => id),
			plan: planOf(subscription),
		}
	);
}

/** Whether the purchase has arrived; `since` is when the person came back. */
export function arrived(
	visit: Visit,
	since: number,
	balance: Balance,
	subscription: Subscription | null,
	bills: { lines: Bill[] } | null,
): boolean {
	const { mark } = visit;
	if (!visit.pays) {
		return subscription !== null && mark !== null && planOf(subscription) !== mark.plan;
	}
	if (!mark) {
		return paidLines(bills).some(({ at }) => Date.parse(at) >= since - justNow);
	}
	const bought = balance.grants.some(
		({ id, source }) => (source === "purchase" || source === "plan") && !mark.grants.includes(id),
	);
	return (
		bought ||
		parseCredits(balance.available) > parseCredits(mark.available) ||
		parseCredits(balance.owed ?? "0") < parseCredits(mark.owed) ||
		paidLines(bills).some(({ id }) => !mark.bills.includes(id))
	);
}

/** Takes the payment page's outcome out of the address. */
export function takeOutcome(): Outcome | null {
	const params = new URLSearchParams(location.search);
	const said = params.get("checkout");
	if (said === null) {
		return null;
	}
	params.delete("checkout");
	const rest = params.toString();
	history.replaceState(history.state, "", location.pathname + (rest && `?${rest}`) + location.hash);
	return said === "success" || said === "canceled" ? said : null;
}

export function remember(visit: Visit): void {
	try {
		sessionStorage.setItem(storageKey, JSON.stringify(visit));
	} catch {
		// Storage may be forbidden; the billing history then shows what arrived.
	}
}

export function recall(account: string): Visit | null {
	try {
		const visit: Visit | null = JSON.parse(sessionStorage.getItem(storageKey) ?? "null");
		return visit?.account === account ? visit : null;
	} catch {
		return null;
	}
}

export function forgetVisit(): void {
	try {
		sessionStorage.removeItem(storageKey);
	} catch {
		// Nothing was stored then.
	}
}
