// Where credits came from and went to, other than by use.

import { type Signal, useSignal } from "@preact/signals";
import { type Micro, parseCredits } from "./credits.ts";
import { csv, download, fileName } from "./csv.ts";
import { dayAt } from "./days.ts";
import { Card, Credits, Download } from "./figures.tsx";
import * as format from "./format.ts";
import type { History, Live } from "./live.ts";
import type { Entry } from "./wire.ts";
import { entryDetails, entryWords, type Names } from "./words.ts";

function amountOf(entry: Entry): Micro {
	const credits = parseCredits(entry.credits);
	return losses.has(entry.type) ? -credits : credits;
}

/** The entries by which credits go. */
const losses = new Set(["expiry", "plan_end", "take_back"]);

const reasonOf = (entry: Entry) => entryDetails(entry).join(" · ");

/** Saves every entry; it says how many where that would be too much for a file. */
async function save(live: Live, names: Names | undefined, note: Signal<string>): Promise<void> {
	note.value = "";
	const zone = live.zone.value;
	const shown = await live.wholeHistory();
	if (!shown) {
		return;
	}
	const days = shown.entries.map((entry) => dayAt(Date.parse(entry.created_at), zone));
	const range = { from: days.at(-1) ?? "", to: days[0] ?? "" };
	const header = ["entry", "created_at", "type", "description", "reason", "credits", "balance_after"];
	const rows = shown.entries.map((entry) => [
		entry.seq,
		entry.created_at,
		entry.type,
		entryWords(entry, names),
		reasonOf(entry),
		amountOf(entry),
		parseCredits(entry.balance_after.available),
	]);
	download(fileName("history", range), csv(header, rows));
	if (shown.next !== null) {
		note.value = `The file holds the newest ${format.count(rows.length)} entries.`;
	}
}

interface Props {
	live: Live;
	shown: History;
	/** What plans are called, where there are some; the history is then a part of that of all payments. */
	names?: Names | undefined;
}

export function HistoryCard({ live, shown, names }: Props) {
	const zone = live.zone.value;
	const { entries, next } = shown;
	const note = useSignal("");
	const saving = useSignal(false);
	const onSave = async () => {
		saving.value = true;
		await save(live, names, note);
		saving.value = false;
	};
	return (
		<Card
			id="history"
			title="Credit history"
			within={names !== undefined}
			action={
				entries.length > 0 && <Download what="the credit history" busy={saving.value} onClick={() => void onSave()} />
			}
		>
			{entries.length > 0 ? (
				<table class="cards history" role="table" data-test="history-table">
					<caption class="unseen">How credits came and went other than by use, the newest first</caption>
					<thead role="rowgroup">
						<tr role="row">
							<th scope="col" role="columnheader">
								What
							</th>
							<th scope="col" role="columnheader">
								Date
							</th>
							<th scope="col" role="columnheader" class="number">
								Credits
							</th>
							<th scope="col" role="columnheader" class="number">
								Balance after
							</th>
						</tr>
					</thead>
					<tbody role="rowgroup">
						{entries.map((entry) => (
							<HistoryRow key={entry.seq} entry={entry} zone={zone} names={names} />
						))}
					</tbody>
				</table>
			) : (
				<p class="none">Credits that are granted, given back or expire are listed here.</p>
			)}
			<p class="quiet" role="status">
				{note.value}
			</p>
			{next !== null && (
				<div class="more">
					<button
						type="button"
						data-test="history-more"
						disabled={live.readingOn.value}
						onClick={() => void live.moreHistory()}
					>
						Show more
					</button>
				</div>
			)}
		</Card>
	);
}

function HistoryRow({ entry, zone, names }: { entry: Entry; zone: string; names: Names | undefined }) {
	const end = (entry.grant ?? entry.refill?.grant)?.expires_at;
	const under = [reasonOf(entry), end ? `Expires ${format.dateOf(end, zone)}` : ""].filter(Boolean).join(" · ");
	return (
		<tr role="row" data-key={entry.seq} data-type={entry.type}>
			<th scope="row" role="rowheader" class="wide">
				<span class="name">{entryWords(entry, names)}</span> {under && <span class="under">{under}</span>}
			</th>
			<td role="cell" class="wide">
				<time dateTime={entry.created_at}>{format.minuteOf(entry.created_at, zone)}</time>
			</td>
			<td role="cell" class={`number ${amountOf(entry) > 0n ? "gain" : ""}`} data-label="Credits">
				<Credits of={amountOf(entry)} sign />
			</td>
			<td role="cell" class="number" data-label="Balance after">
				<Credits of={parseCredits(entry.balance_after.available)} />
			</td>
		</tr>
	);
}
