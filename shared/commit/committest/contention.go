package committest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
)

// openWith opens an account with so many credits, and no overage.
func openWith(t *testing.T, committer *commit.Committer, account string, credits credit.Amount) {
	t.Helper()
	settings := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}
	grant := ledger.AddGrant{Amount: credits * credit.Credit, Source: ledger.FromPromo}
	for _, command := range []ledger.Command{{Action: ledger.Configure{Settings: settings}}, ledger.Keyed("opening", grant)} {
		if outcome := committer.Do(t.Context(), account, command); outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
	}
}

// creditDebit takes three credits, the price of two AI replies.
func creditDebit(id string) ledger.Command {
	return ledger.Keyed(ledger.OperationID(id), simpleDebit(2*credit.Credit))
}

// Affordable sends 50 debits at once to an account that can afford just 10.
func Affordable(t *testing.T, subject Subject, account string) {
	t.Helper()
	const callers, affordable, price = 50, 10, 3
	committer := NewCommitter(subject.Store, atStart)
	openWith(t, committer, account, affordable*price+price-1)
	outcomes := make([]commit.Outcome, callers)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var running sync.WaitGroup
	for i := range outcomes {
		running.Go(func() { outcomes[i] = committer.Do(ctx, account, creditDebit(fmt.Sprintf("op-%d", i))) })
	}
	running.Wait()
	accepted := 0
	for _, outcome := range outcomes {
		if outcome.Err == nil {
			accepted++
			continue
		}
		refused, _ := outcome.Err.(*fault.Error) //nolint:errorlint // a refusal comes unwrapped
		if refused == nil || refused.Code != fault.InsufficientCredits || len(refused.Fields) != 3 ||
			refused.Fields[0].Value != "3" || refused.Fields[1].Value != "2" || refused.Fields[2].Value != "1" {
			t.Errorf("refused with %v %+v; want 3 required, 2 available, 1 short", outcome.Err, refused)
		}
	}
	snapshot, err := subject.Store.Read(t.Context(), account, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if accepted != affordable || snapshot.Wallet.Seq != affordable+2 {
		t.Errorf("%d accepted, seq %d; want %d and %d", accepted, snapshot.Wallet.Seq, affordable, affordable+2)
	}
}

// GrantBesideBusyCallers grants to an account that 16 callers debit as fast as
// they can, and demands that the grant lands in time and no caller starves.
func GrantBesideBusyCallers(t *testing.T, subject Subject, account string) {
	t.Helper()
	const callers, limit = 16, 5 * time.Second
	committer := NewCommitter(subject.Store, atStart)
	openWith(t, committer, account, 1_000_000)
	ctx, stop := context.WithTimeout(t.Context(), 4*limit)
	defer stop()
	var done atomic.Bool
	var finished [callers]atomic.Int64
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			// Each goes on until the grant is there, and debits once at least.
			for n := 0; n == 0 || !done.Load(); n++ {
				if outcome := committer.Do(ctx, account, creditDebit(fmt.Sprintf("busy-%d-%d", i, n))); outcome.Err != nil {
					t.Errorf("caller %d: %v", i, outcome.Err)
					return
				}
				finished[i].Add(1)
			}
		})
	}
	time.Sleep(200 * time.Millisecond) // for all of them to be at it
	began := time.Now()
	grant := ledger.AddGrant{Amount: credit.Credit, Source: ledger.FromPurchase}
	outcome := committer.Do(ctx, account, ledger.Keyed("the-grant", grant))
	took := time.Since(began)
	done.Store(true)
	running.Wait()
	if outcome.Err != nil || took > limit {
		t.Errorf("the grant took %s and ended with %v", took, outcome.Err)
	}
	for i := range finished {
		if finished[i].Load() == 0 {
			t.Errorf("caller %d never got through", i)
		}
	}
}

func atStart() time.Time { return ledgertest.Start }
