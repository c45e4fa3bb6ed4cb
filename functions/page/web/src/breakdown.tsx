// Usage by channel, by agent, and by action with its price.

import { useMemo } from "preact/hooks";
import { Chart } from "./chart.tsx";
import { byMicro, type Micro, parseCredits, thousandths } from "./credits.ts";
import { csv, download, fileName } from "./csv.ts";
import { Bar, Card, Count, Credits, Download, Share } from "./figures.tsx";
import * as format from "./format.ts";
import type { Live } from "./live.ts";
import { byText, type Column, Table } from "./table.tsx";
import { pointsOf } from "./trend.tsx";
import type { View } from "./usage.ts";
import type { Group, Rate } from "./wire.ts";
import "./breakdown.css";

/** A group with its credits parsed once. */
interface Row extends Group {
	micro: Micro;
}

const rowsOf = (groups: Group[]): Row[] => groups.map((group) => ({ ...group, micro: parseCredits(group.credits) }));
const nameOf = (group: Group) => group.label || group.key;
const shareText = (part: Micro, whole: Micro) => {
	const share = thousandths(part, whole);
	return share === null ? null : share / 10;
};

interface Props {
	view: View;
	busy: boolean;
}

export function Channels({ view, busy }: Props) {
	const rows = rowsOf(view.channels).sort((a, b) => byMicro(b.micro, a.micro) || byText(nameOf(a), nameOf(b)));
	const total = parseCredits(view.total.credits);
	const most = rows[0]?.micro ?? 0n;
	const used = rows.filter((row) => row.micro !== 0n);
	const unused = rows.filter((row) => row.micro === 0n);
	const save = () =>
		download(
			fileName("channels", view.period.range),
			csv(
				["channel", "label", "credits", "share_percent"],
				rows.map((row) => [row.key, row.label, row.micro, shareText(row.micro, total)]),
			),
		);
	return (
		<Card id="channels" title="Credits by Channel" busy={busy} action={<Download what="the channels" onClick={save} />}>
			<ul class="channels">
				{used.map((row) => (
					<li key={row.key} data-test="channel" data-key={row.key}>
						<span class="channel-name">{nameOf(row)}</span>
						<Bar thousandths={thousandths(row.micro, most) ?? 0} />
						<span class="channel-credits">
							<Credits of={row.micro} />
						</span>
						<span class="channel-share">{format.share(thousandths(row.micro, total))}</span>
					</li>
				))}
			</ul>
			{unused.length > 0 && (
				<p class="unused quiet">
					Not used:{" "}
					{unused.map((row, i) => (
						<span key={row.key} data-test="channel" data-key={row.key} data-credits="0">
							{i > 0 && ", "}
							{nameOf(row)}
						</span>
					))}
				</p>
			)}
		</Card>
	);
}

export function Agents({ live, view, busy }: Props & { live: Live }) {
	const rows = useMemo(() => rowsOf(view.agents), [view]);
	const total = parseCredits(view.total.credits);
	const columns = useMemo(() => agentColumns(total), [total]);
	const save = () =>
		download(
			fileName("agents", view.period.range),
			csv(
				["agent_id", "name", "conversations", "messages", "credits", "share_percent"],
				[...rows]
					.sort((a, b) => byMicro(b.micro, a.micro))
					.map((row) => [
						row.key,
						row.label,
						row.conversations ?? null,
						row.messages ?? null,
						row.micro,
						shareText(row.micro, total),
					]),
			),
		);
	return (
		<Card
			id="agents"
			title="Usage by AI Agent"
			busy={busy}
			intro={<TopAgent rows={rows} total={total} />}
			action={<Download what="the agents" onClick={save} />}
		>
			<Table
				name="agents"
				caption="Usage by AI agent"
				rows={rows}
				columns={columns}
				id={(row) => row.key}
				sorted={{ key: "credits", down: true }}
				search={{ label: "Find an agent", text: (row) => `${row.label} ${row.key}` }}
				open={{
					id: live.agent.id.value,
					toggle: (id) => live.agent.toggle(id),
					detail: (row) => <AgentDetail live={live} row={row} />,
				}}
			/>
		</Card>
	);
}

function agentColumns(total: Micro): Column<Row>[] {
	return [
		{
			key: "name",
			title: "Agent",
			order: (a, b) => byText(nameOf(a), nameOf(b)),
			cell: (row) => <span class="name">{nameOf(row)}</span>,
		},
		{
			key: "conversations",
			title: "Conversations",
			number: true,
			order: (a, b) => (a.conversations ?? 0) - (b.conversations ?? 0),
			cell: (row) => <Count of={row.conversations} />,
		},
		{
			key: "messages",
			title: "Messages",
			number: true,
			order: (a, b) => (a.messages ?? 0) - (b.messages ?? 0),
			cell: (row) => <Count of={row.messages} />,
		},
		{
			key: "credits",
			title: "Credits",
			number: true,
			order: (a, b) => byMicro(a.micro, b.micro),
			cell: (row) => <Credits of={row.micro} />,
		},
		shareColumn(total),
	];
}

function shareColumn(total: Micro): Column<Row> {
	return {
		key: "share",
		title: "Share",
		number: true,
		order: (a, b) => byMicro(a.micro, b.micro),
		cell: (row) => <Share of={row.micro} in={total} />,
	};
}

function TopAgent({ rows, total }: { rows: Row[]; total: Micro }) {
	const top = rows.reduce<Row | null>((most, row) => (!most || row.micro > most.micro ? row : most), null);
	const share = top && thousandths(top.micro, total);
	if (!top || !share) {
		return null;
	}
	return (
		<span data-test="top-agent" data-key={top.key}>
			{rows.length === 1 ? (
				<>
					<b>{nameOf(top)}</b> is the only agent that used credits.
				</>
			) : (
				<>
					<b>{nameOf(top)}</b> used {format.percent(share)} of all credits.
				</>
			)}
		</span>
	);
}

function AgentDetail({ live, row }: { live: Live; row: Row }) {
	const detail = live.agent.detail.value;
	const failure = live.agent.read.failure.value;
	const today = live.usage.data.value?.today ?? "";
	const points = useMemo(() => (detail ? pointsOf(detail.days, null, today) : []), [detail, today]);
	if (detail?.agent !== row.key) {
		return failure ? (
			<p class="none" role="alert">
				{failure.message}
			</p>
		) : (
			<div class="bone agent-bone" />
		);
	}
	const nodes = rowsOf(detail.nodes).sort((a, b) => byMicro(b.micro, a.micro));
	return (
		<div class="agent-detail" data-test="agent-detail" data-key={row.key}>
			<div>
				<h3>Credits by day</h3>
				<Chart label={`Credits of ${nameOf(row)} by day`} points={points} height={170} />
			</div>
			<div>
				<h3>Usage by action</h3>
				<ul class="nodes">
					{nodes.map((node) => (
						<li key={node.key} data-test="agent-node" data-key={node.key}>
							<span>{nameOf(node)}</span>
							<span>
								<Credits of={node.micro} />{" "}
								<span class="quiet">{format.share(thousandths(node.micro, row.micro))}</span>
							</span>
							<Bar thousandths={thousandths(node.micro, row.micro) ?? 0} />
						</li>
					))}
				</ul>
				{nodes.length === 0 && <p class="none">Nothing in this range.</p>}
			</div>
		</div>
	);
}

interface NodeRow extends Row {
	quantityMicro: Micro;
	price: Micro | null;
	unitWord: string;
}

export function Breakdown({ live, view, busy }: Props & { live: Live }) {
	const rates = live.rates.read.data.value;
	const failed = live.rates.read.failure.value !== null;
	const rows = useMemo(() => nodeRows(view.nodes, rates), [view, rates]);
	const total = parseCredits(view.total.credits);
	const columns = useMemo(
		() => nodeColumns(total, whyNoPrice(rates !== null, failed)),
		[total, rates !== null, failed],
	);
	const save = () =>
		download(
			fileName("breakdown", view.period.range),
			csv(
				["action", "label", "unit", "credits_per_unit", "quantity", "credits", "share_percent"],
				[...rows]
					.sort((a, b) => byMicro(b.micro, a.micro))
					.map((row) => [
						row.key,
						row.label,
						row.unitWord,
						row.price,
						row.quantityMicro,
						row.micro,
						shareText(row.micro, total),
					]),
			),
		);
	return (
		<Card
			id="breakdown"
			title="Full credit usage breakdown"
			busy={busy}
			intro="Each action with its current price. Earlier usage was charged at the price of its day."
			action={<Download what="the breakdown" onClick={save} />}
		>
			<Table
				name="breakdown"
				caption="Credits by action"
				rows={rows}
				columns={columns}
				id={(row) => row.key}
				sorted={{ key: "credits", down: true }}
			/>
		</Card>
	);
}

function nodeRows(nodes: Group[], rates: Map<string, Rate> | null): NodeRow[] {
	return rowsOf(nodes).map((row) => {
		const rate = rates?.get(row.key);
		return {
			...row,
			quantityMicro: parseCredits(row.quantity ?? "0"),
			price: rate ? parseCredits(rate.credits_per_unit) : null,
			unitWord: row.unit ?? rate?.unit ?? "",
		};
	});
}

function whyNoPrice(known: boolean, failed: boolean): string {
	if (known) {
		return "Not in the current price list";
	}
	return failed ? "The price list cannot be loaded at the moment" : "The price list is loading";
}

function nodeColumns(total: Micro, noPrice: string): Column<NodeRow>[] {
	return [
		{
			key: "action",
			title: "Action",
			order: (a, b) => byText(nameOf(a), nameOf(b)),
			cell: (row) => (
				<>
					<span class="name">{nameOf(row)}</span> <span class="under">{row.key}</span>
				</>
			),
		},
		{ key: "unit", title: "Unit", order: (a, b) => byText(a.unitWord, b.unitWord), cell: (row) => row.unitWord || "–" },
		{
			key: "price",
			title: "Price",
			number: true,
			order: (a, b) => byMicro(a.price ?? -1n, b.price ?? -1n),
			cell: (row) => (row.price === null ? <span title={noPrice}>–</span> : <Credits of={row.price} />),
		},
		{
			key: "count",
			title: "Count",
			number: true,
			order: (a, b) => byMicro(a.quantityMicro, b.quantityMicro),
			cell: (row) => (
				<span class="figure" data-count={row.quantity ?? "0"}>
					{format.credits(row.quantityMicro)}
				</span>
			),
		},
		{
			key: "credits",
			title: "Credits",
			number: true,
			order: (a, b) => byMicro(a.micro, b.micro),
			cell: (row) => <Credits of={row.micro} />,
		},
		shareColumn(total) as Column<NodeRow>,
	];
}
