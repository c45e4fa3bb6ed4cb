package committest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// Run is the conformance suite of commit.Store. Each test asks for a store of
// its own, or uses accounts that no other test uses.
func Run(t *testing.T, newStore func(t *testing.T) commit.Store) {
	for _, promise := range []struct {
		name string
		test func(*fixture)
	}{
		{"an account that is not there", testAbsent},
		{"a commit is read at once", testStrongReads},
		{"an account is opened once", testOpenedOnce},
		{"a wallet that moved on", testWalletMoved},
		{"an operation leaves one entry", testEntryExists},
		{"an entry that exists comes before a wallet that moved", testEntryExistsFirst},
		{"a batch is written as one", testBatch},
		{"one failed condition of a batch", testBatchIsAllOrNothing},
		{"accounts do not mix", testAccountsAreApart},
		{"an id of the platform's own", testSystemOperation},
		{"a debit and its reversals", testCharged},
		{"reversals of one debit exclude each other", testReversalsExclude},
		{"no debit under that id", testNotCharged},
		{"a grant and its recoveries", testRecovered},
		{"recoveries of one grant exclude each other", testRecoveriesExclude},
		{"what is read is a copy", testCopies},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.test(&fixture{t, newStore(t)}) })
	}
	t.Run("every value comes back", func(t *testing.T) { testRoundTrip(t, newStore(t)) })
}

type fixture struct {
	*testing.T
	store commit.Store
}

const account = "acme"

var createdAt = time.Date(2026, time.November, 23, 9, 30, 0, 1_000_000, time.UTC)

// wallet is the account's wallet after seq entries.
func wallet(seq int64) ledger.Wallet {
	return ledger.Wallet{
		Account: account, Seq: seq, LastAt: createdAt,
		Settings: ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active},
		Grants: []ledger.Grant{{
			ID: "g2", Terms: ledger.Terms{Source: ledger.FromPromo, Priority: 100, EffectiveAt: createdAt},
			Amount: 100 * credit.Credit, Remaining: 100*credit.Credit - credit.Amount(seq),
		}},
	}
}

// debit is an entry of one line that took one micro-credit.
func debit(seq int64, operation ledger.OperationID) ledger.Entry {
	return ledger.Entry{
		Account: account, Operation: operation, Hash: ledger.Hash{1, 2}, Seq: seq, CreatedAt: createdAt,
		Credits: 1, Change: -1, After: ledger.Balance{Available: 100*credit.Credit - credit.Amount(seq)},
		Detail: &ledger.Charge{
			Agent: ledger.Agent{ID: "a1"}, Channel: "api", OccurredAt: createdAt, Day: "2026-11-23", RateCard: "v1",
			Lines: []rating.Priced{{Line: rating.Line{Item: rating.Item{Node: "search", Action: "run"}, Quantity: credit.Credit}, PerUnit: 1, Credits: 1}},
			Drawn: []ledger.Draw{{Part: ledger.Part{GrantID: "g2", Credits: 1}, Terms: ledger.Terms{Source: ledger.FromPromo, EffectiveAt: createdAt}}},
		},
	}
}

// reversal is an entry that gives the debit op-1 back for the count-th time.
func reversal(seq int64, operation ledger.OperationID, count int) ledger.Entry {
	return ledger.Entry{
		Account: account, Operation: operation, Seq: seq, CreatedAt: createdAt, Credits: 1, Change: 1,
		Detail: &ledger.Reversal{
			Of: "op-1", OfSeq: 1, Channel: "api", Day: "2026-11-23",
			Lines: []ledger.LineCredits{{Item: rating.Item{Node: "search", Action: "run"}, Credits: 1}},
			Total: ledger.Reversed{Count: count, Credits: credit.Amount(count), Draws: []credit.Amount{credit.Amount(count)}, Lines: []credit.Amount{credit.Amount(count)}},
		},
	}
}

// totalOf is what an entry says has been undone of another.
func totalOf(entry ledger.Entry) ledger.Reversed {
	switch detail := entry.Detail.(type) {
	case *ledger.Reversal:
		return detail.Total
	case *ledger.TakenBack:
		return detail.Total
	default:
		return ledger.Reversed{}
	}
}

func (f *fixture) read(operations ...ledger.OperationID) commit.Snapshot {
	f.Helper()
	return f.readCharged("", operations...)
}

func (f *fixture) readCharged(of ledger.OperationID, operations ...ledger.OperationID) commit.Snapshot {
	f.Helper()
	snapshot, err := f.store.Read(f.Context(), account, operations, of)
	if err != nil {
		f.Fatal(err)
	}
	return snapshot
}

// commit commits entries that follow each other on the wallet at seq before, and demands a verdict.
func (f *fixture) commit(before int64, want commit.Verdict, entries ...ledger.Entry) {
	f.Helper()
	change := commit.Change{After: wallet(before + int64(len(entries))), Entries: entries}
	if before > 0 {
		was := wallet(before)
		change.Before = &was
	}
	got, err := f.store.Commit(f.Context(), change)
	if err != nil || got != want {
		f.Fatalf("commit on seq %d ended %+v, %v; want %+v", before, got, err, want)
	}
}

// seqIs demands that the wallet is the one after so many entries.
func (f *fixture) seqIs(seq int64) {
	f.Helper()
	want := wallet(seq)
	if got := f.read().Wallet; got == nil || !reflect.DeepEqual(*got, want) {
		f.Fatalf("the wallet is %+v, want %+v", got, want)
	}
}

func (f *fixture) absent(operations ...ledger.OperationID) {
	f.Helper()
	if found := f.read(operations...).Entries; len(found) > 0 {
		f.Fatalf("there are entries that nothing should have written: %+v", found)
	}
}

var (
	committed = commit.Verdict{Committed: true}
	moved     = commit.Verdict{Cause: commit.WalletMoved}
	exists    = commit.Verdict{Cause: commit.EntryExists}
)

func testAbsent(f *fixture) {
	snapshot := f.readCharged("op-1", "op-1", "op-2")
	if snapshot.Wallet != nil || len(snapshot.Entries) > 0 || snapshot.Charged != nil {
		f.Fatalf("read %+v of an account that is not there", snapshot)
	}
}

func testStrongReads(f *fixture) {
	for seq := int64(1); seq <= 20; seq++ {
		id := ledger.OperationID(fmt.Sprintf("op-%d", seq))
		entry := debit(seq, id)
		f.commit(seq-1, committed, entry)
		f.seqIs(seq)
		if got := f.read(id).Entries[id]; !reflect.DeepEqual(got, entry) {
			f.Fatalf("read %+v, want %+v", got, entry)
		}
	}
}

func testOpenedOnce(f *fixture) {
	f.commit(0, committed, debit(1, "op-1"))
	f.commit(0, moved, debit(1, "op-2"))
	f.seqIs(1)
	f.absent("op-2")
}

func testWalletMoved(f *fixture) {
	f.commit(0, committed, debit(1, "op-1"))
	f.commit(1, committed, debit(2, "op-2"))
	for _, stale := range []int64{1, 3} {
		f.commit(stale, moved, debit(stale+1, "op-3"))
	}
	f.seqIs(2)
	f.absent("op-3")
}

func testEntryExists(f *fixture) {
	first := debit(1, "op-1")
	f.commit(0, committed, first)
	f.commit(1, exists, debit(2, "op-1"))
	f.seqIs(1)
	if got := f.read("op-1").Entries["op-1"]; !reflect.DeepEqual(got, first) {
		f.Fatalf("the first entry became %+v", got)
	}
}

func testEntryExistsFirst(f *fixture) {
	f.commit(0, committed, debit(1, "op-1"))
	f.commit(1, committed, debit(2, "op-2"))
	f.commit(1, exists, debit(2, "op-1"))
	f.seqIs(2)
}

func testBatch(f *fixture) {
	f.commit(0, committed, debit(1, "op-1"))
	var entries []ledger.Entry
	var ids []ledger.OperationID
	for i := range int64(99) {
		ids = append(ids, ledger.OperationID(fmt.Sprintf("batched-%d", i)))
		entries = append(entries, debit(2+i, ids[i]))
	}
	f.commit(1, committed, entries...)
	f.seqIs(1 + 99)
	found := f.read(ids...).Entries
	for _, entry := range entries {
		if !reflect.DeepEqual(found[entry.Operation], entry) {
			f.Fatalf("read %+v, want %+v", found[entry.Operation], entry)
		}
	}
}

func testBatchIsAllOrNothing(f *fixture) {
	f.commit(0, committed, debit(1, "op-1"))
	f.commit(1, exists, debit(2, "op-2"), debit(3, "op-1"), debit(4, "op-3"))
	f.commit(5, moved, debit(6, "op-2"), debit(7, "op-3"))
	f.seqIs(1)
	f.absent("op-2", "op-3")
}

func testAccountsAreApart(f *fixture) {
	f.commit(0, committed, debit(1, "op-1"))
	for _, other := range []string{"acme.2", "acme:00", "Acme"} {
		snapshot, err := f.store.Read(f.Context(), other, []ledger.OperationID{"op-1"}, "op-1")
		if err != nil || snapshot.Wallet != nil || len(snapshot.Entries) > 0 || snapshot.Charged != nil {
			f.Fatalf("account %s shows %+v, %v", other, snapshot, err)
		}
		entry := debit(1, "op-1")
		entry.Account = other
		after := wallet(1)
		after.Account = other
		if verdict, err := f.store.Commit(f.Context(), commit.Change{After: after, Entries: []ledger.Entry{entry}}); err != nil || !verdict.Committed {
			f.Fatalf("account %s: %+v, %v", other, verdict, err)
		}
	}
	f.seqIs(1)
}

func testSystemOperation(f *fixture) {
	asCaller, _ := ledger.CallerOperation("SYS#expiry#1")
	f.commit(0, committed, debit(1, "SYS#expiry#1"))
	f.absent(asCaller)
	f.commit(1, committed, debit(2, asCaller))
	if found := f.read("SYS#expiry#1", asCaller).Entries; found["SYS#expiry#1"].Seq != 1 || found[asCaller].Seq != 2 {
		f.Fatalf("read %+v", found)
	}
}

func testCharged(f *fixture) {
	charge := debit(1, "op-1")
	f.commit(0, committed, charge)
	if got := f.readCharged("op-1").Charged; got == nil || !reflect.DeepEqual(*got, ledger.Charged{Entry: charge}) {
		f.Fatalf("before any reversal: %+v", got)
	}
	const reversals = 11 // enough to see that they are numbered, not spelled
	for n := 1; n <= reversals; n++ {
		back := reversal(int64(n)+1, ledger.OperationID(fmt.Sprintf("back-%d", n)), n)
		f.commit(int64(n), committed, back)
		want := ledger.Charged{Entry: charge, Reversed: totalOf(back)}
		if got := f.readCharged("op-1").Charged; got == nil || !reflect.DeepEqual(*got, want) {
			f.Fatalf("after %d reversals: %+v, want %+v", n, got, want)
		}
	}
}

func testReversalsExclude(f *fixture) {
	f.commit(0, committed, debit(1, "op-1"))
	f.commit(1, committed, reversal(2, "back-1", 1))
	// As if it had read the debit before the first reversal, and the wallet after it.
	f.commit(2, moved, reversal(3, "back-2", 1))
	f.seqIs(2)
	f.absent("back-2")
	if got := f.readCharged("op-1").Charged.Reversed.Count; got != 1 {
		f.Fatalf("%d reversals are counted", got)
	}
}

func testNotCharged(f *fixture) {
	f.commit(0, committed, debit(1, "op-1"))
	f.commit(1, committed, reversal(2, "back-1", 1))
	for _, id := range []ledger.OperationID{"back-1", "op", "op-1#", "op-2"} {
		if got := f.readCharged(id).Charged; got != nil {
			f.Fatalf("%q is taken for a debit: %+v", id, got)
		}
	}
}

// grant is an entry that granted credits for money.
func grant(seq int64, operation ledger.OperationID) ledger.Entry {
	terms := ledger.Terms{Source: ledger.FromPurchase, Priority: 100, EffectiveAt: createdAt}
	return ledger.Entry{
		Account: account, Operation: operation, Seq: seq, CreatedAt: createdAt,
		Credits: 100, Change: 100, Alerts: []ledger.AlertKind{ledger.PurchaseCompleted},
		Detail: &ledger.Issue{Grant: ledger.Grant{ID: "g1", Terms: terms, Amount: 100, Remaining: 60}, Owed: 40, Payment: "pi_1"},
	}
}

// recovery is an entry that takes back what an operation granted, for the count-th time.
func recovery(seq int64, of ledger.OperationID, count int) ledger.Entry {
	part := ledger.Part{GrantID: "g1", Credits: 1}
	return ledger.Entry{
		Account: account, Operation: ledger.OperationID(fmt.Sprintf("SYS#take_back#%d", seq)), Seq: seq, CreatedAt: createdAt,
		Credits: 2, Change: -1,
		Detail: &ledger.TakenBack{
			Recovery: ledger.Recovery{
				Of: of, OfSeq: 1, Reason: "refunded", Owed: 1,
				Total: ledger.Reversed{
					Count: count, Credits: 2 * credit.Amount(count), Owed: credit.Amount(count), Since: createdAt,
					Taken: []ledger.Taken{{Part: part, Terms: ledger.Terms{Source: ledger.FromPurchase, Priority: 100, EffectiveAt: createdAt}}},
				},
			},
			Taken: []ledger.Part{part},
		},
	}
}

// testRecovered: of each kind of entry that grants something, what has been taken back.
func testRecovered(f *fixture) {
	paid := ledger.PaymentOperation("pi_1")
	bought := grant(1, paid)
	issue := ledger.DetailOf[*ledger.Issue](&bought)
	at := ledger.PlanState{Subscription: "sub_1", Plan: "basic", Start: createdAt, End: createdAt.AddDate(0, 1, 0), Included: 100}
	renewal, change, refill := grant(2, ledger.PeriodOperation("sub_1", createdAt)), grant(3, ledger.ChangeOperation("in_1")), grant(4, ledger.RefillOperation("rf_1"))
	renewal.Detail = &ledger.Renewal{State: at, Issue: issue}
	change.Detail = &ledger.PlanChange{State: at, Issue: issue}
	refill.Detail = &ledger.RefillStep{Step: ledger.RefillSettled, Outcome: ledger.RefillPaid, Issue: issue}
	nothing := grant(5, ledger.RefillOperation("rf_2"))
	nothing.Detail = &ledger.RefillStep{Step: ledger.RefillSettled, Outcome: ledger.RefillDeclined}
	seq := int64(0)
	for _, entry := range []ledger.Entry{bought, renewal, change, refill, nothing} {
		f.commit(seq, committed, entry)
		seq++
	}
	if got := f.readCharged(nothing.Operation).Charged; got != nil {
		f.Fatalf("a refill that was declined granted %+v", got)
	}
	for _, entry := range []ledger.Entry{bought, renewal, change, refill} {
		if got := f.readCharged(entry.Operation).Charged; got == nil || !reflect.DeepEqual(*got, ledger.Charged{Entry: entry}) {
			f.Fatalf("before any recovery: %+v, want %+v", got, entry)
		}
		for n := 1; n <= 2; n++ {
			back := recovery(seq+1, entry.Operation, n)
			f.commit(seq, committed, back)
			seq++
			want := ledger.Charged{Entry: entry, Reversed: totalOf(back)}
			if got := f.readCharged(entry.Operation).Charged; got == nil || !reflect.DeepEqual(*got, want) {
				f.Fatalf("after %d recoveries: %+v, want %+v", n, got, want)
			}
			if got := f.readCharged(back.Operation).Charged; got != nil {
				f.Fatalf("a recovery is taken for a grant: %+v", got)
			}
		}
	}
}

func testRecoveriesExclude(f *fixture) {
	paid := ledger.PaymentOperation("pi_1")
	f.commit(0, committed, grant(1, paid))
	f.commit(1, committed, recovery(2, paid, 1))
	f.commit(2, moved, recovery(3, paid, 1))
	f.seqIs(2)
	f.absent("SYS#take_back#3")
}

func testCopies(f *fixture) {
	change := commit.Change{After: wallet(1), Entries: []ledger.Entry{debit(1, "op-1")}}
	if _, err := f.store.Commit(f.Context(), change); err != nil {
		f.Fatal(err)
	}
	change.After.Grants[0].Remaining = 0
	f.read().Wallet.Grants[0].Remaining = 0
	f.seqIs(1)
}

// testRoundTrip: what was written is what is read, whatever it is.
func testRoundTrip(t *testing.T, store commit.Store) {
	Bound(t, 60)
	next := 0
	rapid.Check(t, func(r *rapid.T) {
		next++
		id := fmt.Sprintf("round-%d", next)
		change := commit.Change{}
		var ids []ledger.OperationID
		configured := false
		for seq := range int64(rapid.IntRange(1, 4).Draw(r, "entries")) {
			entry := anyEntry(r, id, seq+1)
			alone := false
			switch detail := entry.Detail.(type) {
			case *ledger.Reversal: // two of one debit would exclude each other
				detail.Of += ledger.OperationID(fmt.Sprintf("-%d", seq))
			case *ledger.TakenBack:
				detail.Of += ledger.OperationID(fmt.Sprintf("-%d", seq))
			case *ledger.GivenBack:
				detail.Of += ledger.OperationID(fmt.Sprintf("-%d", seq))
			case *ledger.Settings, *ledger.RefillStep: // these go alone: no change has two
				alone = true
			default:
			}
			if alone && configured {
				entry.Detail = &ledger.Expiry{}
			}
			configured = configured || alone
			change.Entries = append(change.Entries, entry)
			ids = append(ids, entry.Operation)
		}
		change.After = anyWallet(r, id, int64(len(ids)))
		if verdict, err := store.Commit(t.Context(), change); err != nil || !verdict.Committed {
			r.Fatalf("commit: %+v, %v", verdict, err)
		}
		snapshot, err := store.Read(t.Context(), id, ids, "")
		if err != nil {
			r.Fatal(err)
		}
		if !reflect.DeepEqual(*snapshot.Wallet, change.After) {
			r.Fatalf("wallet\n%+v came back as\n%+v", change.After, *snapshot.Wallet)
		}
		for _, entry := range change.Entries {
			if got := snapshot.Entries[entry.Operation]; !reflect.DeepEqual(got, entry) {
				r.Fatalf("entry\n%+v came back as\n%+v", entry, got)
			}
		}
	})
}
