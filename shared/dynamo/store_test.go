package dynamo_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
)

// subject lists entries as an auditor would: again, where the store is not to be reached.
func subject(client *dynamotest.Client) committest.Subject {
	const tries = 20
	return committest.Subject{
		Store: client,
		Entries: func(ctx context.Context, account string, after int64, limit int) (entries []ledger.Entry, err error) {
			for range tries {
				entries, err = client.Entries(ctx, account, ledger.Page{After: after, Limit: limit})
				if fault.CodeOf(err) != fault.Unavailable {
					break
				}
			}
			return entries, err
		},
	}
}

func TestClientConforms(t *testing.T) {
	committest.Run(t, func(t *testing.T) commit.Store { return dynamotest.NewClient(t) })
}

func TestClientAnswersAsTheReferenceDoes(t *testing.T) {
	committest.Bound(t, 25)
	client := dynamotest.NewClient(t)
	next := 0
	census.Check(t, ledgertest.FewHistoriesFloors, func(t *rapid.T, did *census.Census) {
		next++
		committest.Model(t, did, subject(client), fmt.Sprintf("acme-%d", next))
	})
}

func TestABatchesImageNamesTheAlertsOfAllItsEntries(t *testing.T) {
	committest.Alerts(t, dynamotest.NewClient(t), 10)
}

// Every fault that a caller answers by sending again, at random requests.
func TestClientAnswersAsTheReferenceDoesWhateverGoesWrong(t *testing.T) {
	committest.Bound(t, 20)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed of the faults: %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	faults := &dynamotest.Faults{}
	client := dynamotest.NewTables(t, dynamotest.WithFaults(faults)).Client
	faults.Randomly(random, 6, retryable...)
	next := 0
	census.Check(t, ledgertest.FewHistoriesFloors, func(t *rapid.T, did *census.Census) {
		next++
		committest.FaultyModel(t, did, subject(client), fmt.Sprintf("acme-%d", next))
	})
}

var retryable = []dynamotest.Fault{
	dynamotest.Unsent, dynamotest.Lost, dynamotest.Conflict, dynamotest.Throttling,
	dynamotest.Provisioned, dynamotest.Throttled, dynamotest.Unprocessed,
}

func TestParallelCallersCanBePutInOrder(t *testing.T) {
	client := dynamotest.NewClient(t)
	var did census.Census
	for i := range 2 {
		committest.Parallel(t, &did, subject(client), fmt.Sprintf("acme-%d", i), uint64(time.Now().UnixNano()))
	}
	did.Require(t, committest.ParallelFloors)
}

func TestParallelCallersCanBePutInOrderWhateverGoesWrong(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	faults := &dynamotest.Faults{}
	client := dynamotest.NewTables(t, dynamotest.WithFaults(faults)).Client
	faults.Randomly(rand.New(rand.NewPCG(seed, 2)), 8, retryable...)
	var did census.Census
	committest.Parallel(t, &did, subject(client), "acme", seed)
	did.Require(t, committest.ParallelFloors)
}
