// Which dialog is open, and where the focus goes when it closes.

import { signal } from "@preact/signals";

/** The dialogs. The offers dialog may start with plans or with packs. */
export type DialogName = "plans" | "packs" | "manage" | "cancel";

export class OpenedDialog {
	readonly name = signal<DialogName | null>(null);
	#opener: Element | null = null;

	/** Opens a dialog, or closes the open one and returns the focus to where it was. */
	show(dialog: DialogName | null): void {
		if (dialog !== null && this.name.value === null) {
			this.#opener = document.activeElement;
		}
		this.name.value = dialog;
	}

	/** Restores the focus once no dialog is open. */
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
