// Changes of the balance other than by usage.

import { type Micro, parseCredits } from "./credits.ts";
import type { EntryList, History } from "./entries.ts";
import { Credits } from "./figures.tsx";
import * as format from "./format.ts";
import { Listing, type Saved } from "./listing.tsx";
import type { Live } from "./live.ts";
import type { Entry } from "./wire.ts";
import { entryDetails, entryWords, type Names } from "./words.ts";

function amountOf(entry: Entry): Micro {
	const credits = parseCredits(entry.credits);
	return losses.has(entry.type) ? -credits : credits;
}

/** The types of entries that remove credits. */
const losses = new Set(["expiry", "plan_end", "take_back"]);

const reasonOf = (entry: Entry) => entryDetails(entry).join(" · ");

/** Every entry, as saved in the file. */
async function fileOf(list: EntryList, names: Names | undefined): Promise<Saved | null> {
	const all = await list.all();
	return (
		all && {
			header: ["entry", "created_at", "type", "description", "reason", "credits", "balance_after"],
			rows: all.entries.map((entry) => [
				entry.seq,
				entry.created_at,
				entry.type,
				entryWords(entry, names),
				reasonOf(entry),
				amountOf(entry),
				parseCredits(entry.balance_after.available),
			]),
			instants: all.entries.map((entry) => entry.created_at),
			whole: all.next === null,
		}
	);
}

interface Props {
	live: Live;
	shown: History;
	/** The names of plans, if any; the history is then part of the payments card. */
	names?: Names | undefined;
}

export function HistoryCard({ live, shown, names }: Props) {
	const zone = live.clock.zone.value;
	const list = live.history;
	return (
		<Listing
			id="history"
			title="Credit history"
			within={names !== undefined}
			test="history"
			caption="Credits added and removed other than by usage, newest first"
			heads={[
				{ title: "Description" },
				{ title: "Date" },
				{ title: "Credits", number: true },
				{ title: "Balance after", number: true },
			]}
			rows={shown.entries.map((entry) => <HistoryRow key={entry.seq} entry={entry} zone={zone} names={names} />)}
			none="Credits that are granted, restored or expired are listed here."
			more={shown.next === null ? null : () => void list.more()}
			reading={list.readingOn.value}
			file={{ what: "the credit history", name: "history", rows: "entries", zone, read: () => fileOf(list, names) }}
		/>
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
