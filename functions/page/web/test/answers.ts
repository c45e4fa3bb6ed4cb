// Answers of the API, whole, with what a test is about changed in them.

import type { Session } from "../src/session.ts";
import type { Balance, Bill, Entry, Grant, Pack, Plan, Subscription } from "../src/wire.ts";

export const usd = (amount: number) => ({ amount, currency: "usd" });

export const session: Session = { token: "t", account: "acme", name: "Acme", zone: "UTC", returnURL: null };

export function grant(change: Partial<Grant> = {}): Grant {
	return {
		id: "g1",
		source: "promo",
		amount: "500",
		remaining: "500",
		priority: 100,
		effective_at: "2026-11-01T00:00:00.000Z",
		expires_at: null,
		...change,
	};
}

export function balance(change: Partial<Balance> = {}): Balance {
	return {
		account_id: "acme",
		available: "100",
		owed: "0",
		overage: { policy: "block", limit: "0", used: "0" },
		grants: [],
		seq: 7,
		as_of: "2026-11-24T10:00:00.000Z",
		...change,
	};
}

export function plan(id: string, amount: number, interval: Plan["interval"] = "month"): Plan {
	return {
		id,
		name: id.toUpperCase(),
		description: "",
		price: usd(amount),
		interval,
		included_credits: "5000",
		overage: { policy: "bill", limit: "2000", price_per_credit: "1.5" },
		rollover: "0",
		active: true,
		updated_at: "2026-11-01T00:00:00.000Z",
	};
}

export function pack(change: Partial<Pack> = {}): Pack {
	return {
		id: "p",
		name: "500 credits",
		description: "",
		price: usd(2500),
		credits: "500",
		validity_days: 365,
		active: true,
		updated_at: "2026-11-01T00:00:00.000Z",
		...change,
	};
}

export function subscription(change: Partial<Subscription> = {}): Subscription {
	return {
		account_id: "acme",
		status: "active",
		plan: plan("pro", 4900),
		period_start: "2026-11-09T08:00:00.000Z",
		period_end: "2026-12-09T08:00:00.000Z",
		cancel_at_period_end: false,
		next_plan_id: null,
		renews_at: "2026-12-09T08:00:00.000Z",
		included_remaining: "10",
		overage_used: "0",
		overage_price: null,
		pay_url: null,
		...change,
	};
}

export function bill(change: Partial<Bill> = {}): Bill {
	return {
		id: "pi_1",
		at: "2026-11-24T09:59:00.000Z",
		kind: "purchase",
		state: "paid",
		amount: usd(2500),
		credits: "500",
		description: "500 credits",
		receipt_url: null,
		reason: null,
		...change,
	};
}

/** An entry of a type; what the page does not look at is left to chance. */
export function entry(type: Entry["type"], change: Partial<Entry> = {}): Entry {
	return {
		seq: 1,
		type,
		operation_id: "op",
		credits: "1",
		change: "0",
		balance_after: { available: "1", overage_used: "0" },
		created_at: "2026-11-24T10:00:00.000Z",
		...change,
	} as Entry;
}
