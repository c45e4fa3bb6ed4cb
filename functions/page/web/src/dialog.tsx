// A modal dialog. Esc, a click on the backdrop and the close button close it. On a
// phone it fills the screen.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import "./dialog.css";

interface Props {
	title: string;
	test: string;
	/** For dialogs with a single question. */
	narrow?: boolean;
	/** Closes the dialog; `left` is called after it is gone. */
	close: () => void;
	left: () => void;
	children: ComponentChildren;
}

export function Dialog({ title, test, narrow, close, left, children }: Props) {
	const dialog = useRef<HTMLDialogElement>(null);
	const id = useId();
	useLayoutEffect(() => {
		const element = dialog.current;
		element?.showModal();
		return () => element?.close();
	}, []);
	useEffect(() => left, []);
	return (
		// Esc closes it without a handler of ours.
		// biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog is one more way to close it
		<dialog
			ref={dialog}
			class={narrow ? "dialog narrow" : "dialog"}
			data-test={test}
			aria-labelledby={id}
			onCancel={(event) => {
				if (event.target === dialog.current) {
					event.preventDefault();
					close();
				}
			}}
			onClick={(event) => {
				if (event.target === dialog.current) {
					close();
				}
			}}
		>
			<div class="dialog-inner">
				<div class="dialog-head">
					<h2 id={id}>{title}</h2>
					<button type="button" class="close" data-test="close" onClick={close}>
						<svg viewBox="0 0 16 16" aria-hidden="true">
							<path d="m4 4 8 8m0-8-8 8" />
						</svg>
						<span class="unseen">Close</span>
					</button>
				</div>
				{children}
			</div>
		</dialog>
	);
}
