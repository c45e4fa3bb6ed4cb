package ledger_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rating"
)

// direct answers with Decide and Apply alone, and the simplest of replays.
type direct struct {
	wallet  *ledger.Wallet
	entries map[ledger.OperationID]ledger.Entry
	given   map[ledger.OperationID]ledger.Reversed
	book    rating.Book
	kept    []ledger.Entry
}

func (d *direct) do(t *rapid.T, command ledger.Command, now time.Time) ledgertest.Answer {
	if first, used := d.entries[command.Operation]; used {
		if first.Hash != command.Hash {
			return ledgertest.Answer{Refusal: ledgertest.Refusal{Code: fault.IdempotencyKeyReused}}
		}
		return ledgertest.Answer{Replayed: true, Entry: ledgertest.EntryOf(&first)}
	}
	state := ledger.State{Account: "acme", Wallet: d.wallet, Book: d.book, Rules: ledgertest.Rules()}
	var of ledger.OperationID
	switch action := command.Action.(type) {
	case ledger.ReverseDebit:
		of = action.Of
	case ledger.TakeBack:
		of = action.Of
	}
	if entry, found := d.entries[of]; found && entry.Undoable() {
		state.Charged = &ledger.Charged{Entry: entry, Reversed: d.given[of]}
	}
	decision, err := ledger.Decide(state, command, now)
	if err == nil && decision.Entry != nil {
		d.fold(t, decision)
	}
	answer, err := ledgertest.AnswerTo(decision.Entry, false, err)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (d *direct) fold(t *rapid.T, decision ledger.Decision) {
	entry := *decision.Entry
	folded, err := ledger.Apply(d.wallet, entry)
	if err != nil {
		t.Fatal(err)
	}
	decided := decision.Wallet.Clone()
	decided.Alerts = nil
	if !reflect.DeepEqual(folded, decided) {
		t.Fatalf("the fold gives %+v, the decision %+v", folded, decided)
	}
	d.wallet = folded
	d.entries[entry.Operation] = entry
	if of, total, undoes := entry.Undoes(); undoes {
		d.given[of] = total
	}
	d.kept = append(d.kept, entry)
}

func newDirect() *direct {
	return &direct{
		entries: map[ledger.OperationID]ledger.Entry{}, given: map[ledger.OperationID]ledger.Reversed{},
		book: rating.NewBook(ledgertest.Cards()),
	}
}

func TestDecideAnswersAsTheReferenceDoes(t *testing.T) {
	census.Check(t, ledgertest.HistoryFloors, func(t *rapid.T, did *census.Census) {
		subject := newDirect()
		reference := ledgertest.NewReference("acme", ledgertest.Cards(), ledgertest.Rules())
		history := &ledgertest.History{Reference: reference}
		step := history.Open(t)
		for range 1 + ledgertest.OneOf(t, 60, "steps") {
			for _, command := range step.Commands {
				got, want := subject.do(t, command, step.Now), reference.Do(command, step.Now)
				if difference := ledgertest.Difference(got, want); difference != "" {
					t.Fatalf("at %s, command %+v: %s", step.Now, command, difference)
				}
				ledgertest.Count(did, command, got)
				if subject.wallet == nil {
					continue
				}
				if difference := ledgertest.Difference(ledgertest.GrantsOf(subject.wallet), reference.Grants); difference != "" {
					t.Fatalf("grants: %s", difference)
				}
				if got, want := ledgertest.StateOf(subject.wallet), reference.State(); got != want {
					t.Fatalf("after %+v the wallet\n%s\nwant\n%s", command, got, want)
				}
				conserved(t, subject.kept, subject.wallet)
			}
			step = history.Next(t)
		}
	})
}
