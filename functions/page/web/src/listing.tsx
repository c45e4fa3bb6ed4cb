// A list that loads page by page, newest first, and can be saved as a whole.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { csv, download, fileName } from "./csv.ts";
import { dayAt } from "./days.ts";
import { Card, Download } from "./figures.tsx";
import * as format from "./format.ts";

/** The contents of a saved file: its rows, the time of each, newest first, and whether it is complete. */
export interface Saved {
	header: string[];
	rows: Parameters<typeof csv>[1];
	instants: string[];
	whole: boolean;
}

interface Props {
	id: string;
	title: string;
	/** Whether it is part of another card. */
	within: boolean;
	/** The test id of the table and of the “Show more” button. */
	test: string;
	caption: string;
	heads: { title: ComponentChildren; number?: boolean }[];
	rows: ComponentChildren[];
	/** The text shown when there are no rows. */
	none: string;
	/** Loads more; null if there is nothing more. */
	more: (() => void) | null;
	reading: boolean;
	file: {
		what: string;
		name: string;
		/** The plural name of the rows. */
		rows: string;
		zone: string;
		/** Reads all rows; null if that fails. */
		read: () => Promise<Saved | null>;
	};
}

export function Listing({ file, rows, more, ...props }: Props) {
	const note = useSignal("");
	const saving = useSignal(false);
	const save = async () => {
		saving.value = true;
		note.value = "";
		const all = await file.read();
		if (all) {
			const days = all.instants.map((instant) => dayAt(Date.parse(instant), file.zone));
			download(fileName(file.name, { from: days.at(-1) ?? "", to: days[0] ?? "" }), csv(all.header, all.rows));
			if (!all.whole) {
				note.value = `The file contains only the newest ${format.count(all.rows.length)} ${file.rows}.`;
			}
		}
		saving.value = false;
	};
	return (
		<Card
			id={props.id}
			title={props.title}
			within={props.within}
			action={rows.length > 0 && <Download what={file.what} busy={saving.value} onClick={() => void save()} />}
		>
			{rows.length > 0 ? (
				<table class="cards history" role="table" data-test={`${props.test}-table`}>
					<caption class="unseen">{props.caption}</caption>
					<thead role="rowgroup">
						<tr role="row">
							{props.heads.map(({ title, number }, i) => (
								<th key={i} scope="col" role="columnheader" class={number ? "number" : undefined}>
									{title}
								</th>
							))}
						</tr>
					</thead>
					<tbody role="rowgroup">{rows}</tbody>
				</table>
			) : (
				<p class="none">{props.none}</p>
			)}
			<p class="quiet" role="status">
				{note.value}
			</p>
			{more && (
				<div class="more">
					<button type="button" data-test={`${props.test}-more`} disabled={props.reading} onClick={more}>
						Show more
					</button>
				</div>
			)}
		</Card>
	);
}
