// What was paid, is to be paid, or was given back.

import { type Signal, useSignal } from "@preact/signals";
import type { BillingState, Bills } from "./billing.ts";
import { parseCredits } from "./credits.ts";
import { csv, download, fileName } from "./csv.ts";
import { dayAt } from "./days.ts";
import { Card, Credits, Download } from "./figures.tsx";
import * as format from "./format.ts";
import { major, moneyWords } from "./money.ts";
import { webAddress } from "./session.ts";
import { Bones, Failed } from "./states.tsx";
import type { Bill } from "./wire.ts";
import { billKindWords, billStateWords } from "./words.ts";

const signOf = (bill: Bill) => (bill.kind === "refund" ? -1 : 1);

/** Saves every line; it says how many where that would be too much for a file. */
async function save(billing: BillingState, note: Signal<string>): Promise<void> {
	note.value = "";
	const all = await billing.allBills();
	if (!all) {
		return;
	}
	const zone = billing.live.zone.value;
	const days = all.lines.map((bill) => dayAt(Date.parse(bill.at), zone));
	const header = ["id", "at", "kind", "state", "description", "reason", "amount", "currency", "credits", "receipt"];
	const rows = all.lines.map((bill) => [
		bill.id,
		bill.at,
		bill.kind,
		bill.state,
		bill.description,
		bill.reason ?? null,
		parseCredits(`${signOf(bill) < 0 && bill.amount.amount > 0 ? "-" : ""}${major(bill.amount)}`),
		bill.amount.currency,
		parseCredits(bill.credits),
		bill.receipt_url,
	]);
	download(fileName("billing", { from: days.at(-1) ?? "", to: days[0] ?? "" }), csv(header, rows));
	if (all.next !== null) {
		note.value = `The file holds the newest ${format.count(rows.length)} lines.`;
	}
}

export function BillsCard({ billing }: { billing: BillingState }) {
	const shown = billing.bills.data.value;
	const failure = billing.bills.failure.value;
	if (!shown) {
		return failure ? (
			<Failed
				title="The payments cannot be shown"
				failure={failure}
				again={() => {
					void billing.loadBills();
				}}
			/>
		) : (
			<Bones kind="rows" />
		);
	}
	return <BillTable billing={billing} shown={shown} />;
}

function BillTable({ billing, shown }: { billing: BillingState; shown: Bills }) {
	const note = useSignal("");
	const saving = useSignal(false);
	const onSave = async () => {
		saving.value = true;
		await save(billing, note);
		saving.value = false;
	};
	const { lines, next } = shown;
	return (
		<Card
			id="billing-history"
			title="Payments"
			within
			action={lines.length > 0 && <Download what="the payments" busy={saving.value} onClick={() => void onSave()} />}
		>
			{lines.length > 0 ? (
				<table class="cards history" role="table" data-test="billing-table">
					<caption class="unseen">Payments, the newest first</caption>
					<thead role="rowgroup">
						<tr role="row">
							<th scope="col" role="columnheader">
								What
							</th>
							<th scope="col" role="columnheader">
								Date
							</th>
							<th scope="col" role="columnheader">
								State
							</th>
							<th scope="col" role="columnheader" class="number">
								Credits
							</th>
							<th scope="col" role="columnheader" class="number">
								Amount
							</th>
							<th scope="col" role="columnheader">
								<span class="unseen">Receipt</span>
							</th>
						</tr>
					</thead>
					<tbody role="rowgroup">
						{lines.map((bill) => (
							<BillRow key={bill.id} bill={bill} zone={billing.live.zone.value} />
						))}
					</tbody>
				</table>
			) : (
				<p class="none">What you pay is listed here, with its receipt.</p>
			)}
			<p class="quiet" role="status">
				{note.value}
			</p>
			{next !== null && (
				<div class="more">
					<button
						type="button"
						data-test="bills-more"
						disabled={billing.bills.loading.value}
						onClick={() => void billing.moreBills()}
					>
						Show more
					</button>
				</div>
			)}
		</Card>
	);
}

function BillRow({ bill, zone }: { bill: Bill; zone: string }) {
	const receipt = bill.receipt_url === null ? null : webAddress(bill.receipt_url);
	const credits = parseCredits(bill.credits);
	const kind = billKindWords(bill.kind);
	const state = billStateWords(bill);
	const name = bill.description || kind;
	const under = [name === kind ? "" : kind, bill.reason].filter(Boolean).join(" · ");
	const open = bill.state === "open" || (bill.state === "failed" && bill.id.startsWith("in_"));
	return (
		<tr role="row" data-test="bill" data-key={bill.id} data-state={bill.state} data-kind={bill.kind}>
			<th scope="row" role="rowheader" class="wide">
				<span class="name">{name}</span> {under && <span class="under">{under}</span>}
			</th>
			<td role="cell">
				<time dateTime={bill.at}>{format.dateOf(bill.at, zone)}</time>
			</td>
			<td role="cell">
				<span class={`badge state-${bill.kind === "refund" ? "refunded" : bill.state}`}>{state}</span>
			</td>
			<td role="cell" class="number" data-label="Credits">
				{credits > 0n ? <Credits of={credits} /> : <span class="quiet">–</span>}
			</td>
			<td role="cell" class="number" data-label="Amount">
				<span class={bill.state === "void" ? "figure struck" : "figure"}>{moneyWords(bill.amount, signOf(bill))}</span>
			</td>
			<td role="cell" class="wide receipt">
				{receipt && (
					<a href={receipt} target="_blank" rel="noreferrer" data-test="receipt">
						{open ? "Invoice" : "Receipt"}
						<span class="unseen">{` of ${name}, ${format.dateOf(bill.at, zone)}, opens in a new tab`}</span>
					</a>
				)}
			</td>
		</tr>
	);
}
