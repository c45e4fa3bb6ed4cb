// What the platform's API answers, as far as this page reads it.

export interface Grant {
	id: string;
	source: string;
	amount: string;
	remaining: string;
	effective_at: string;
	expires_at: string | null;
}

export interface Balance {
	available: string;
	owed?: string;
	overage: { limit: string; used: string };
	grants: Grant[];
	seq: number;
	as_of: string;
}

export interface Counts {
	credits: string;
	debits: number;
	messages: number;
	conversations: number;
}

/** A row of usage. What a grouping cannot know is left out. */
export interface Group {
	key: string;
	label: string;
	credits: string;
	debits?: number;
	messages?: number;
	conversations?: number;
	quantity?: string;
	unit?: string;
}

interface UsageHead {
	time_zone: string;
	as_of_seq: number;
	total: Counts;
}

/** Usage by one grouping. */
export interface Usage extends UsageHead {
	groups: Group[];
}

/** Usage by several groupings at once. */
export interface UsageByMany extends UsageHead {
	groupings: Record<string, Group[]>;
}

export interface Entry {
	seq: number;
	type: string;
	credits: string;
	balance_after: { available: string };
	created_at: string;
	grant?: EntryGrant;
	reversal?: { reason: string };
	renewal?: PlanStep & { period_start: string; period_end: string; carried_over: string };
	plan?: PlanStep;
	recovery?: { reason: string; owed: string };
	refill?: {
		step: string;
		phase: string;
		outcome?: string;
		reason?: string;
		grant?: EntryGrant;
	};
}

interface EntryGrant {
	source: string;
	expires_at: string | null;
	reason: string;
	owed_paid?: string;
}

/** What closes a plan's period, or opens one. */
interface PlanStep {
	plan_id: string;
	ended?: { credits: string }[];
	overage?: { credits: string; price?: Money };
	grant?: EntryGrant;
}

export type EntryPage = Page<Entry>;

export interface Rate {
	node: string;
	action: string;
	unit: string;
	credits_per_unit: string;
}

export interface RateCard {
	rates: Rate[];
}

export interface Problem {
	type: string;
	detail: string;
	invalid_params?: { name: string; reason: string }[];
}

export interface Page<T> {
	data: T[];
	next_cursor: string | null;
}

/** A whole number of the currency's minor unit. */
export interface Money {
	amount: number;
	currency: string;
}

interface PlanTerms {
	id: string;
	name: string;
	price: Money;
	interval: "month" | "year";
	included_credits: string;
	overage: { policy: string; limit: string; price_per_credit: string };
}

export interface Plan extends PlanTerms {
	description: string;
	rollover: string;
}

export interface Pack {
	id: string;
	name: string;
	description: string;
	price: Money;
	credits: string;
	validity_days: number;
}

export interface Subscription {
	status: string;
	plan: PlanTerms | null;
	period_start: string | null;
	period_end: string | null;
	cancel_at_period_end: boolean;
	next_plan_id: string | null;
	renews_at: string | null;
	included_remaining: string;
	overage_used: string;
	overage_price: Money | null;
	pay_url: string | null;
}

export interface AutoRefill {
	enabled: boolean;
	threshold: string | null;
	pack_id: string | null;
	monthly_cap: Money | null;
	spent_this_month: Money | null;
	state: string;
	reason: string | null;
	message: string | null;
	retry_at: string | null;
}

export interface Bill {
	id: string;
	at: string;
	kind: string;
	state: string;
	amount: Money;
	credits: string;
	description: string;
	receipt_url: string | null;
	reason: string | null;
}
