// What payments add to the page as a whole: a note about a purchase, and the
// dialogs.

import type { Note } from "./arrival.ts";
import type { BillingState } from "./billing.ts";
import { OffersDialog } from "./offers.tsx";
import { CancelDialog, ManageDialog } from "./plan.tsx";

const noteWords: Record<Note["kind"], Record<Note["state"], string>> = {
	payment: {
		waiting: "Payment received. Your credits are being added.",
		there: "Your credits have been added.",
		late: "Your payment is taking longer than usual. Your credits will be added once it completes.",
		canceled: "Checkout canceled. You were not charged.",
	},
	change: {
		waiting: "Your plan is being changed.",
		there: "Your change has been saved.",
		late: "The change is taking longer than usual. It will appear here once it is complete.",
		canceled: "Checkout canceled. Nothing was changed.",
	},
};

export function CheckoutNote({ billing }: { billing: BillingState }) {
	const note = billing.arrival.note.value;
	if (!note) {
		return null;
	}
	return (
		<p class={`note is-${note.state}`} data-test="note-checkout" data-state={note.state}>
			<span>{noteWords[note.kind][note.state]}</span>
			{note.state !== "waiting" && (
				<button
					type="button"
					data-test="note-close"
					onClick={() => {
						billing.arrival.note.value = null;
					}}
				>
					OK
				</button>
			)}
		</p>
	);
}

export function Dialogs({ billing }: { billing: BillingState }) {
	const dialog = billing.dialog.name.value;
	const left = () => billing.dialog.focusOpener();
	switch (dialog) {
		case "plans":
		case "packs":
			return <OffersDialog key="offers" billing={billing} left={left} />;
		case "manage":
			return <ManageDialog key="manage" billing={billing} left={left} />;
		case "cancel":
			return <CancelDialog key="cancel" billing={billing} left={left} />;
		default:
			return null;
	}
}
