package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/ledger"
	"drawdown/shared/rollup/rolluptest"
	"drawdown/shared/usage"
)

// appender writes made-up entries as commits do, each time with a wallet of
// their last seq.
type appender struct {
	client  *dynamotest.Client
	account string
	seq     int64
}

func (a *appender) wallet(seq int64) ledger.Wallet {
	return ledger.Wallet{
		Account: a.account, Seq: seq, LastAt: rolluptest.Start.Add(time.Duration(seq) * time.Second),
		Settings: ledger.Settings{Zone: "UTC", Status: ledger.Active},
	}
}

func (a *appender) append(entries []ledger.Entry) error {
	for len(entries) > 0 {
		part := entries[:together(entries)]
		entries = entries[len(part):]
		change := commit.Change{After: a.wallet(a.seq + int64(len(part))), Entries: part}
		if a.seq > 0 {
			before := a.wallet(a.seq)
			change.Before = &before
		}
		verdict, err := a.client.Commit(context.Background(), change)
		if err != nil {
			return err
		}
		if !verdict.Committed {
			return errors.New("not committed: " + string(verdict.Cause))
		}
		a.seq += int64(len(part))
	}
	return nil
}

// together is how many of the entries go into one transaction: with the
// reversals' tallies not too many items, and settings, which write the
// account's profile, alone.
func together(entries []ledger.Entry) int {
	const most = 40
	for i := range entries {
		if i > 0 && (i == most || ledger.DetailOf[*ledger.Settings](&entries[i]) != nil || ledger.DetailOf[*ledger.Settings](&entries[0]) != nil) {
			return i
		}
	}
	return len(entries)
}

// forgetful is an environment that is cold each time: it remembers no conversation.
type forgetful struct {
	*dynamotest.Client
	fresh func() *dynamotest.Client
}

func (f forgetful) See(ctx context.Context, account string, epoch int64, sightings []usage.Sighting) (map[usage.Conversation]int64, error) {
	return f.fresh().See(ctx, account, epoch, sightings)
}

// Three clients of the same tables: two warm environments of a function, each with
// faults of its own, and one that is always cold.
func TestAnyWayOfFoldingGivesTheSameSheets(t *testing.T) {
	committest.Bound(t, 20)
	tables := dynamotest.NewTables(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed of the faults: %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	var faults [2]dynamotest.Faults
	var stores []rolluptest.Store
	for i := range faults {
		stores = append(stores, tables.Connect(t, dynamotest.WithFaults(&faults[i])).Client)
	}
	stores = append(stores, forgetful{tables.Client, func() *dynamotest.Client { return tables.Connect(t).Client }})
	next := 0
	census.Check(t, rolluptest.Floors, func(t *rapid.T, did *census.Census) {
		next++
		account := fmt.Sprintf("acme-%d", next)
		for i := range faults {
			own := rand.New(rand.NewPCG(random.Uint64(), 3))
			faults[i].Randomly(own, 15, dynamotest.Unsent, dynamotest.Lost, dynamotest.Throttled, dynamotest.Conflict, dynamotest.Unprocessed)
		}
		appender := &appender{client: tables.Client, account: account}
		subject := rolluptest.Subject{Stores: stores, Append: appender.append, Calm: func() {
			for i := range faults {
				faults[i].Plan(nil)
			}
		}}
		rolluptest.Law(t, did, subject, account, rolluptest.AnyLedger(t, account, 25), 5)
	})
}
