package committest

import (
	"context"
	"reflect"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/commit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
)

// Steps is how many steps a generated history has, at most.
const Steps = 40

// maxResends bounds how often a command is sent again after a failure with an unknown
// outcome.
const maxResends = 200

// Model runs one generated history through the subject and the reference, and
// counts what came of it.
func Model(t *rapid.T, did *census.Census, subject Subject, account string) {
	newModel(did, subject, account).run(t, &ledgertest.History{})
}

// FaultyModel is Model over a store whose requests fail at times: as a caller
// would, it sends what was left without an answer again, until there is one.
func FaultyModel(t *rapid.T, did *census.Census, subject Subject, account string) {
	m := newModel(did, subject, account)
	m.faulty = true
	// Of a batch that was committed though its answer was lost, a refused
	// operation is decided again, on what came after it: so no batches here.
	m.run(t, &ledgertest.History{Single: true})
}

type model struct {
	did       *census.Census
	subject   Subject
	account   string
	faulty    bool
	now       time.Time
	committer *commit.Committer
	reference *ledgertest.Reference
}

func newModel(did *census.Census, subject Subject, account string) *model {
	m := &model{did: did, subject: subject, account: account}
	m.committer = NewCommitter(subject.Store, func() time.Time { return m.now })
	m.reference = ledgertest.NewReference(account, ledgertest.Cards(), ledgertest.Rules())
	return m
}

func (m *model) run(t *rapid.T, history *ledgertest.History) {
	history.Reference = m.reference
	m.step(t, history.Open(t))
	for range 1 + ledgertest.OneOf(t, Steps, "steps") {
		m.step(t, history.Next(t))
	}
	m.compareLedgers(t)
}

func (m *model) step(t *rapid.T, step ledgertest.Step) {
	m.now = step.Now
	outcomes, resent := m.send(t, step.Commands)
	for i, command := range step.Commands {
		want := m.reference.Do(command, step.Now)
		got, err := ledgertest.AnswerTo(outcomes[i].Entry, outcomes[i].Replayed, outcomes[i].Err)
		if err != nil {
			t.Fatalf("command %+v failed: %v", command, err)
		}
		m.did.CountIf(resent, "commands sent again")
		if resent {
			if ledgertest.Difference(got, ledgertest.Answer{}) == "" && command.Operation == "" {
				continue // done the first time; the ledgers are compared at the end
			}
			got.Replayed, want.Replayed = false, false
		}
		if difference := ledgertest.Difference(got, want); difference != "" {
			t.Fatalf("at %s, command %+v (%d of %d): %s", step.Now, command, i+1, len(step.Commands), difference)
		}
		ledgertest.Count(m.did, command, got)
		if decided := outcomes[i].Entry != nil && !outcomes[i].Replayed; decided {
			m.compareWallet(t, &outcomes[i].Wallet)
		}
	}
}

// send sends the commands, and again after failures that may pass.
func (m *model) send(t *rapid.T, commands []ledger.Command) (outcomes []commit.Outcome, resent bool) {
	for try := range maxResends {
		outcomes = m.committer.Run(context.Background(), m.account, commands...)
		if fault.CodeOf(outcomes[0].Err) != fault.Unavailable || outcomes[0].Err == nil {
			return outcomes, try > 0
		}
		if !m.faulty {
			t.Fatalf("the store does not answer: %v", outcomes[0].Err)
		}
	}
	t.Fatalf("still no answer: %v", outcomes[0].Err)
	return nil, false
}

func (m *model) compareWallet(t *rapid.T, wallet *ledger.Wallet) {
	r := m.reference
	got := []any{wallet.Account, wallet.Seq, wallet.LastAt.UnixMilli(), int64(wallet.OverageUsed), ledgertest.GrantsOf(wallet)}
	want := []any{r.Account, len(r.Entries), r.LastAt, r.OverageUsed, r.Grants}
	if difference := ledgertest.Difference(got, want); difference != "" {
		t.Fatalf("wallet: %s", difference)
	}
	if got, want := ledgertest.StateOf(wallet), r.State(); got != want {
		t.Fatalf("the wallet %s, want %s", got, want)
	}
	if !wallet.Settings.Equal(r.Settings) {
		t.Fatalf("settings %+v, want %+v", wallet.Settings, r.Settings)
	}
}

// compareLedgers compares what was kept: the entries with the reference's, and
// the wallet with both the reference's and the fold of the entries.
func (m *model) compareLedgers(t *rapid.T) {
	ctx := context.Background()
	var entries []ledger.Entry
	var snapshot commit.Snapshot
	for try := 0; ; try++ {
		var err error
		if entries, err = m.subject.all(ctx, m.account); err == nil {
			snapshot, err = m.subject.Store.Read(ctx, m.account, nil, "")
		}
		if err == nil {
			break
		}
		if !m.faulty || try > maxResends {
			t.Fatal(err)
		}
	}
	var plain []ledgertest.Entry
	for i := range entries {
		plain = append(plain, ledgertest.EntryOf(&entries[i]))
	}
	if difference := ledgertest.Difference(plain, m.reference.Entries); difference != "" {
		t.Fatalf("entries: %s", difference)
	}
	if len(entries) == 0 {
		if snapshot.Wallet != nil {
			t.Fatal("there is a wallet without an entry")
		}
		return
	}
	m.compareWallet(t, snapshot.Wallet)
	folded, err := Fold(entries)
	if err != nil {
		t.Fatal(err)
	}
	snapshot.Wallet.Alerts = nil
	if difference := differentWallets(snapshot.Wallet, folded); difference != "" {
		t.Fatalf("the wallet is not the fold of its entries: %s", difference)
	}
}

// Fold is the wallet that entries, from the first on, add up to.
func Fold(entries []ledger.Entry) (*ledger.Wallet, error) {
	var wallet *ledger.Wallet
	for _, entry := range entries {
		var err error
		if wallet, err = ledger.Apply(wallet, entry); err != nil {
			return nil, err
		}
	}
	return wallet, nil
}

func differentWallets(got, want *ledger.Wallet) string {
	got, want = got.Clone(), want.Clone()
	// Empty and nil grants or alerts are the same.
	for _, w := range []*ledger.Wallet{got, want} {
		if len(w.Grants) == 0 {
			w.Grants = nil
		}
		if len(w.Alerts) == 0 {
			w.Alerts = nil
		}
	}
	if reflect.DeepEqual(got, want) {
		return ""
	}
	return ledgertest.Difference(got, want) + " (pointers apart)"
}
