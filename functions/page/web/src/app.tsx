// The page: its header, and its sections from top to bottom.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { BalanceCard } from "./balance.tsx";
import { Agents, Breakdown, Channels } from "./breakdown.tsx";
import { parseCredits, sum } from "./credits.ts";
import { clock, count, credits, plural, rangeWords } from "./format.ts";
import { HistoryCard } from "./history.tsx";
import type { Live } from "./live.ts";
import { Picker } from "./picker.tsx";
import { Bones, Failed } from "./states.tsx";
import { Trend } from "./trend.tsx";
import { neverUsed, type View } from "./usage.ts";
import { comparison, type Names } from "./words.ts";
import "./app.css";

/** The parts for payments, if the platform offers them. */
export interface Billing {
	note: ComponentChildren; // at the top, about a purchase
	plan: ComponentChildren; // in the balance card
	refill: ComponentChildren; // a section of its own
	history: ComponentChildren; // before the credit history
	dialogs: ComponentChildren;
	names: Names; // of plans
}

export function App({ live, billing }: { live: Live; billing?: Billing }) {
	const balance = live.balance.data.value;
	const balanceFailure = live.balance.failure.value;
	const history = live.history.shown.data.value;
	const historyFailure = live.history.shown.failure.value;
	const creditHistory = history ? (
		<HistoryCard live={live} shown={history} names={billing?.names} />
	) : historyFailure ? (
		<Failed title="The credit history cannot be shown" failure={historyFailure} again={() => live.again()} />
	) : (
		<Bones kind="rows" />
	);
	const allFailed = !balance && !live.usage.data.value && balanceFailure && live.usage.failure.value;
	if (allFailed) {
		return (
			<>
				<Header live={live} />
				<main>
					<Failed title="Usage cannot be shown" failure={balanceFailure} again={() => live.again()} />
				</main>
			</>
		);
	}
	return (
		<>
			<Header live={live} />
			<main data-as-of-seq={live.usage.data.value?.asOf} data-seq={balance?.seq}>
				<Notes live={live} note={billing?.note} />
				{balance ? (
					<BalanceCard live={live} balance={balance} plan={billing?.plan} />
				) : balanceFailure ? (
					<Failed title="The balance cannot be shown" failure={balanceFailure} again={() => live.again()} />
				) : (
					<Bones kind="balance" />
				)}
				<Picker live={live} />
				<UsageSections live={live} />
				{billing?.refill}
				{billing ? (
					<section class="card" id="payments" aria-labelledby="payments-title">
						<div class="card-head">
							<h2 id="payments-title">Billing & Credit History</h2>
						</div>
						{billing.history}
						{creditHistory}
					</section>
				) : (
					creditHistory
				)}
			</main>
			{billing?.dialogs}
		</>
	);
}

function Header({ live }: { live: Live }) {
	const { name } = live.session;
	const readAt = live.balance.readAt.value;
	const behind = live.follower.behind.value;
	const well = live.health.trouble.value === null && live.balance.failure.value === null;
	return (
		<header class="top">
			<div>
				<h1>Usage</h1>
				<p class="account" data-test="account">
					{name}
				</p>
			</div>
			<div class="as-of">
				<p role="status">
					{well && behind > 0 && (
						<span data-test="behind" data-count={behind}>
							Usage is catching up
							<span aria-live="off">
								; {count(behind)} {plural(behind, "entry", "entries")} behind
							</span>
						</span>
					)}
				</p>
				<p data-test="as-of">
					{readAt > 0 && (
						<>
							<span class={well ? "dot" : "dot off"} />
							As of {clock(readAt + live.clock.skew.value, live.clock.zone.value)}
						</>
					)}
				</p>
				<p data-test="zone">Times in {live.clock.zone.value.replaceAll("_", " ")}</p>
			</div>
		</header>
	);
}

/** Notes about the whole page: for screen readers when it changes, and for everyone when updates fail. */
function Notes({ live, note }: { live: Live; note: ComponentChildren }) {
	const trouble = live.health.trouble.value;
	const view = live.usage.data.value;
	const { from, to } = view?.period.range ?? { from: "", to: "" };
	// Announced once for each range, not at every update.
	const used = useMemo(
		() => view && `${credits(parseCredits(view.total.credits))} credits used, ${rangeWords(from, to)}`,
		[from, to],
	);
	return (
		<>
			<div role="status" class="unseen">
				{used}
			</div>
			<div role="status" class="notes">
				{note}
				{trouble && (
					<p class="note trouble" data-test="trouble">
						<span>
							{trouble.failure.message} This page was last updated at{" "}
							{clock(trouble.since + live.clock.skew.value, live.clock.zone.value)}.
						</span>
						<button type="button" data-test="again" onClick={() => live.again()}>
							Try again
						</button>
					</p>
				)}
			</div>
		</>
	);
}

function UsageSections({ live }: { live: Live }) {
	const view = live.usage.data.value;
	const failure = live.usage.failure.value;
	if (!view) {
		return failure ? (
			<Failed title="Usage cannot be shown" failure={failure} again={() => live.again()} />
		) : (
			<>
				<Bones kind="chart" />
				<Bones kind="rows" />
				<Bones kind="rows" />
			</>
		);
	}
	const { from, to } = view.period.range;
	const wanted = live.wanted();
	const busy = wanted !== null;
	return (
		<>
			{wanted && failure && (
				<p class="note trouble" role="status" data-test="range-failed">
					{`${rangeWords(wanted.from, wanted.to)} could not be loaded. The page still shows ${rangeWords(from, to)}.`}
				</p>
			)}
			<div class={busy ? "usage busy" : "usage"} data-test="usage" data-from={from} data-to={to}>
				{view.agents.length === 0 && parseCredits(view.total.credits) === 0n ? (
					<Nothing view={view} />
				) : (
					<>
						<Trend view={view} busy={busy} />
						<Channels view={view} busy={busy} />
						<Agents live={live} view={view} busy={busy} />
						<Breakdown live={live} view={view} busy={busy} />
					</>
				)}
			</div>
		</>
	);
}

function Nothing({ view }: { view: View }) {
	const { range, beforeWords } = view.period;
	const never = neverUsed(view);
	return (
		<section class="card empty" data-test="empty" aria-labelledby="empty-title">
			<svg viewBox="0 0 64 40" aria-hidden="true">
				<path d="M4 36h56" />
				<rect x="8" y="24" width="8" height="12" rx="2" />
				<rect x="22" y="16" width="8" height="20" rx="2" />
				<rect x="36" y="20" width="8" height="16" rx="2" />
				<rect x="50" y="8" width="8" height="28" rx="2" />
			</svg>
			<h2 id="empty-title">{never ? "No credits used" : "No credits used in this range"}</h2>
			<p>{rangeWords(range.from, range.to)}</p>
			{never ? (
				<p>When your agents start working, this page shows their usage by day, channel, agent and action.</p>
			) : (
				view.before && (
					<p class="comparison" data-test="comparison">
						{comparison(0n, sum(view.before.values()), beforeWords)}
					</p>
				)
			)}
		</section>
	);
}
