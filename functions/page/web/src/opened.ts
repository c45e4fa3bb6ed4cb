// Which dialog is open, and where the focus goes when it closes.

import { signal } from "@preact/signals";

/** The dialogs. That of plans and packs may begin with either. */
export type DialogName = "plans" | "packs" | "manage" | "cancel";

export class OpenedDialog {
	readonly name = signal<DialogName | null>(null);
	#opener: Element | null = null;

	/** Opens a dialog, or closes the one that is open; the focus then goes back to where it came from. */
	show(dialog: DialogName | null): void {
		if (dialog !== null && this.name.value === null) {
			this.#opener = document.activeElement;
		}
		this.name.value = dialog;
	}

	/** Puts the focus back, once no dialog is there any more. */
	focusOpener(): void {
		if (this.name.peek() !== null) {
			return;
		}
		const opener = this.#opener;
		this.#opener = null;
		if (opener instanceof HTMLElement && opener.isConnected) {
			opener.focus();
		}
	}
}
