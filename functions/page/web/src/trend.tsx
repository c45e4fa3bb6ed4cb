// Credits by day, compared with the previous period.

import { useMemo } from "preact/hooks";
import { Chart, type Point } from "./chart.tsx";
import { type Micro, parseCredits, sum } from "./credits.ts";
import { csv, download, fileName } from "./csv.ts";
import type { Day } from "./days.ts";
import { Card, Count, Credits, Download } from "./figures.tsx";
import * as format from "./format.ts";
import { Table } from "./table.tsx";
import { unusualDays } from "./unusual.ts";
import type { View } from "./usage.ts";
import type { Group } from "./wire.ts";
import { comparison } from "./words.ts";
import "./trend.css";

const spoken = 3; // unusual days that are named

/** The days of a period, each with the day of the previous period that it is compared with. */
export function pointsOf(days: Group[], before: Map<Day, Micro> | null, today: Day): Point[] {
	const earlier = before ? [...before] : [];
	return days.map((group, i) => {
		const other = earlier[i];
		return {
			day: group.key,
			credits: parseCredits(group.credits),
			before: other ? { day: other[0], credits: other[1] } : null,
			...(group.key === today && { note: "so far" }),
		};
	});
}

export function Trend({ view, busy }: { view: View; busy: boolean }) {
	const before = view.before && sum(view.before.values());
	// A previous period without usage is described in words; it draws no line along the bottom.
	const drawn = before ? view.before : null;
	const points = useMemo(() => pointsOf(view.days, drawn, view.today), [view]);
	const total = parseCredits(view.total.credits);
	const unusual = unusualDays(points);
	const { range } = view.period;
	const save = () =>
		download(
			fileName("daily", range),
			csv(
				["day", "credits", "debits", "messages", "conversations", "day_before", "credits_before"],
				view.days.map((group, i) => [
					group.key,
					parseCredits(group.credits),
					group.debits ?? null,
					group.messages ?? null,
					group.conversations ?? null,
					points[i]?.before?.day ?? null,
					points[i]?.before?.credits ?? null,
				]),
			),
		);
	return (
		<Card id="trend" title="Credit Usage Trend" busy={busy} action={<Download what="the days" onClick={save} />}>
			<div class="headline">
				<p class="total">
					<Credits of={total} test="total" /> <span class="unit">{format.plural(total, "credit")}</span>
				</p>
				{before !== null && (
					<p class="comparison" data-test="comparison">
						{comparison(total, before, view.period.beforeWords)}
					</p>
				)}
			</div>
			<Chart label="Credits by day" points={points} height={260} />
			<ul class="legend">
				<li>
					<span class="key now" /> {format.rangeWords(range.from, range.to)}
				</li>
				{drawn && view.period.before && (
					<li>
						<span class="key before" /> {format.rangeWords(view.period.before.from, view.period.before.to)}
					</li>
				)}
			</ul>
			{unusual.length > 0 && (
				<ul class="callouts" data-test="unusual">
					{unusual.slice(0, spoken).map((one) => (
						<li key={one.day} data-day={one.day}>
							<b>{format.dayShort(one.day)}</b>: {format.times(one.times)} times the usage of a typical day.
						</li>
					))}
					{unusual.length > spoken && (
						<li class="quiet">{`${unusual.length - spoken} more ${format.plural(unusual.length - spoken, "day was", "days were")} also above usual.`}</li>
					)}
				</ul>
			)}
			<details class="as-table">
				<summary>Show as table</summary>
				<Table
					name="days"
					caption={`Credits by day, ${format.rangeWords(range.from, range.to)}`}
					rows={view.days}
					id={(group) => group.key}
					sorted={{ key: "day", down: true }}
					columns={[
						{
							key: "day",
							title: "Day",
							order: (a, b) => (a.key < b.key ? -1 : 1),
							cell: (group) => format.dayLong(group.key),
						},
						{
							key: "conversations",
							title: "Conversations",
							number: true,
							cell: (group) => <Count of={group.conversations} />,
						},
						{ key: "messages", title: "Messages", number: true, cell: (group) => <Count of={group.messages} /> },
						{
							key: "credits",
							title: "Credits",
							number: true,
							cell: (group) => <Credits of={parseCredits(group.credits)} />,
						},
					]}
				/>
			</details>
		</Card>
	);
}
