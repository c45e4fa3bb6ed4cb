// What the platform's API answers, as far as this page reads it.

export interface Grant {
	id: string;
	source: string;
	amount: string;
	remaining: string;
	priority: number;
	effective_at: string;
	expires_at: string | null;
}

export interface Balance {
	account_id: string;
	available: string;
	overage: { policy: string; limit: string; used: string };
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
	lines?: number;
}

interface UsageHead {
	account_id: string;
	from: string;
	to: string;
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
	operation_id: string;
	credits: string;
	change: string;
	balance_after: { available: string; overage_used: string };
	lapsed?: { grant_id: string; credits: string }[];
	created_at: string;
	grant?: { id: string; source: string; expires_at: string | null; reason: string };
	reversal?: { debit_operation_id: string; reason: string };
}

export interface EntryPage {
	data: Entry[];
	next_cursor: string | null;
}

export interface Rate {
	node: string;
	action: string;
	label: string;
	unit: string;
	credits_per_unit: string;
}

export interface RateCard {
	version: string;
	rates: Rate[];
}

export interface Problem {
	type: string;
	title: string;
	status: number;
	detail: string;
}
