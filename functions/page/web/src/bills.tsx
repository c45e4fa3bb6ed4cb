// Payments made, due or refunded.

import type { BillList } from "./bill-list.ts";
import type { BillingState } from "./billing.ts";
import { parseCredits } from "./credits.ts";
import { Credits } from "./figures.tsx";
import * as format from "./format.ts";
import { Listing, type Saved } from "./listing.tsx";
import { major, moneyWords } from "./money.ts";
import { webAddress } from "./session.ts";
import { Bones, Failed } from "./states.tsx";
import type { Bill } from "./wire.ts";
import { billKindWords, billStateWords } from "./words.ts";
import "./bills.css";

const signOf = (bill: Bill) => (bill.kind === "refund" ? -1 : 1);

/** Every line, as saved in the file. */
async function fileOf(list: BillList): Promise<Saved | null> {
	const all = await list.all();
	return (
		all && {
			header: ["id", "at", "kind", "state", "description", "reason", "amount", "currency", "credits", "receipt"],
			rows: all.lines.map((bill) => [
				bill.id,
				bill.at,
				bill.kind,
				bill.state,
				bill.description,
				bill.reason,
				parseCredits(`${signOf(bill) < 0 && bill.amount.amount > 0 ? "-" : ""}${major(bill.amount)}`),
				bill.amount.currency,
				parseCredits(bill.credits),
				bill.receipt_url,
			]),
			instants: all.lines.map((bill) => bill.at),
			whole: all.next === null,
		}
	);
}

export function BillsCard({ billing }: { billing: BillingState }) {
	const shown = billing.bills.shown.data.value;
	const failure = billing.bills.shown.failure.value;
	if (!shown) {
		return failure ? (
			<Failed
				title="The payments cannot be shown"
				failure={failure}
				again={() => {
					void billing.bills.load();
				}}
			/>
		) : (
			<Bones kind="rows" />
		);
	}
	const list = billing.bills;
	const zone = billing.live.clock.zone.value;
	return (
		<Listing
			id="billing-history"
			title="Payments"
			within
			test="billing"
			caption="Payments, newest first"
			heads={[
				{ title: "Description" },
				{ title: "Date" },
				{ title: "Status" },
				{ title: "Credits", number: true },
				{ title: "Amount", number: true },
				{ title: <span class="unseen">Receipt</span> },
			]}
			rows={shown.lines.map((bill) => <BillRow key={bill.id} bill={bill} zone={zone} />)}
			none="Your payments are listed here, with their receipts."
			more={shown.next === null ? null : () => void list.more()}
			reading={list.shown.loading.value}
			file={{ what: "the payments", name: "billing", rows: "lines", zone, read: () => fileOf(list) }}
		/>
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
