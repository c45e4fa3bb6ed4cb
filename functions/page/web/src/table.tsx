// A table with sorting, search and rows that open, which shows some of its rows at
// a time. On a phone each row is a small card.

import { type ComponentChildren, Fragment } from "preact";
import { useMemo, useState } from "preact/hooks";
import "./table.css";

export interface Column<Row> {
	key: string;
	title: string;
	/** The value to sort by; without it the column does not sort. */
	order?: (a: Row, b: Row) => number;
	/** Numbers are right-aligned and sort largest first. */
	number?: boolean;
	cell: (row: Row) => ComponentChildren;
}

interface Props<Row> {
	name: string;
	caption: string;
	columns: Column<Row>[];
	rows: Row[];
	id: (row: Row) => string;
	sorted?: { key: string; down: boolean };
	search?: { label: string; text: (row: Row) => string };
	open?: { id: string | null; toggle: (id: string) => void; detail: (row: Row) => ComponentChildren };
}

const step = 25;
const collator = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

export const byText = (a: string, b: string) => collator.compare(a, b);

export function Table<Row>(props: Props<Row>) {
	const { columns, rows, open } = props;
	const [sorting, setSorting] = useState(props.sorted);
	const [sought, setSought] = useState("");
	const [shown, setShown] = useState(step);

	const found = useMemo(() => {
		const words = sought.trim().toLocaleLowerCase();
		const text = props.search?.text;
		const kept = words && text ? rows.filter((row) => text(row).toLocaleLowerCase().includes(words)) : rows;
		const order = columns.find((column) => column.key === sorting?.key)?.order;
		if (!order) {
			return kept;
		}
		const sign = sorting?.down ? -1 : 1;
		return [...kept].sort((a, b) => sign * order(a, b) || byText(props.id(a), props.id(b)));
	}, [rows, columns, sorting, sought]);

	const sortBy = (column: Column<Row>) => {
		const down = sorting?.key === column.key ? !sorting.down : column.number === true;
		setSorting({ key: column.key, down });
		setShown(step);
	};
	const sortState = (column: Column<Row>) =>
		sorting?.key !== column.key ? "none" : sorting.down ? "descending" : "ascending";
	const visible = found.slice(0, shown);

	return (
		<div class="table-frame">
			{props.search && (
				<div class="search">
					<label>
						<span class="unseen">{props.search.label}</span>
						<input
							type="search"
							placeholder={props.search.label}
							data-test={`${props.name}-search`}
							value={sought}
							onInput={(event) => {
								setSought(event.currentTarget.value);
								setShown(step);
							}}
						/>
					</label>
					<span class="quiet" role="status">
						{sought.trim() ? `${found.length} of ${rows.length}` : ""}
					</span>
				</div>
			)}
			{/* A table that is laid out as cards loses its roles unless they are explicit. */}
			<table
				class="cards"
				role="table"
				data-test={`${props.name}-table`}
				style={{ "--fields": (columns.length - 1) % 2 ? 3 : 2 }}
			>
				<caption class="unseen">{props.caption}</caption>
				<thead role="rowgroup">
					<tr role="row">
						{columns.map((column) => (
							<th
								key={column.key}
								scope="col"
								role="columnheader"
								class={column.number ? "number" : ""}
								aria-sort={column.order ? sortState(column) : undefined}
							>
								{column.order ? (
									<button type="button" class="sort" onClick={() => sortBy(column)}>
										{column.title}
										<svg viewBox="0 0 8 12" aria-hidden="true">
											<path class="up" d="M4 1 7 5H1z" />
											<path class="down" d="M4 11 1 7h6z" />
										</svg>
									</button>
								) : (
									column.title
								)}
							</th>
						))}
					</tr>
				</thead>
				<tbody role="rowgroup">
					{visible.map((row) => {
						const id = props.id(row);
						const isOpen = open?.id === id;
						return (
							<Fragment key={id}>
								<tr role="row" data-key={id} class={isOpen ? "is-open" : ""}>
									{columns.map((column, i) => {
										const content =
											open && i === 0 ? (
												<button type="button" class="opener" aria-expanded={isOpen} onClick={() => open.toggle(id)}>
													<svg viewBox="0 0 12 12" aria-hidden="true">
														<path d="m4 2 4 4-4 4" />
													</svg>
													{column.cell(row)}
												</button>
											) : (
												column.cell(row)
											);
										const className = `${column.number ? "number" : ""} ${i === 0 ? "wide" : ""}`;
										return i === 0 ? (
											<th key={column.key} scope="row" role="rowheader" class={className} data-column={column.key}>
												{content}
											</th>
										) : (
											<td
												key={column.key}
												role="cell"
												class={className}
												data-column={column.key}
												data-label={column.title}
											>
												{content}
											</td>
										);
									})}
								</tr>
								{isOpen && (
									<tr role="row" class="detail">
										<td role="cell" colSpan={columns.length}>
											{open.detail(row)}
										</td>
									</tr>
								)}
							</Fragment>
						);
					})}
				</tbody>
			</table>
			{found.length === 0 && rows.length > 0 && <p class="none">No matches.</p>}
			{found.length > visible.length && (
				<div class="more">
					<button type="button" data-test={`${props.name}-more`} onClick={() => setShown(shown + step)}>
						Show more
					</button>
					<span class="quiet">
						{visible.length} of {found.length}
					</span>
				</div>
			)}
		</div>
	);
}
