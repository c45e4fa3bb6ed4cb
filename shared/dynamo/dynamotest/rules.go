package dynamotest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithy "github.com/aws/smithy-go/middleware"

	"drawdown/shared/dynamo"
)

// lagging begins the name of a method of dynamo.Tables whose read of a table may
// lag behind what was written.
const lagging = "Lagging"

// newOnly is the condition under which an item is put where there is none.
const newOnly = "attribute_not_exists(pk)"

// rules fail a test that sends a request which DynamoDB Local answers rightly and
// the service would not, or which no role may send. They are checked on the
// request itself, of every client that this package makes:
//
//   - a table is read strongly consistently, or by a method whose name says that
//     it may lag; nothing is scanned;
//   - an entry is only ever put where there is none, and in one transaction with
//     its wallet, which is put over the one that was read;
//   - whatever else is written is written under a condition, or in one transaction
//     with something that is; only the audit's cursor is not;
//   - nothing is deleted but usage of earlier epochs, endpoints, and notes of
//     quarantine;
//   - a transaction has a token of its own, else one that looks like an earlier
//     one would be answered and not done;
//   - consumption is always asked for.
type rules struct {
	t      testing.TB
	tables map[string]string // by their real names

	mu     sync.Mutex
	tokens map[string]bool
}

func newRules(t testing.TB, names dynamo.Names) *rules {
	return &rules{t: t, tokens: map[string]bool{}, tables: map[string]string{
		names.Wallets: dynamo.WalletsTable.Name, names.Ledger: dynamo.LedgerTable.Name,
		names.Usage: dynamo.UsageTable.Name, names.Accounts: dynamo.AccountsTable.Name,
	}}
}

func (r *rules) install(o *dynamodb.Options) {
	around(o, "dynamotest.rules", func(ctx context.Context, in smithy.InitializeInput, next smithy.InitializeHandler) (smithy.InitializeOutput, smithy.Metadata, error) {
		for _, breach := range r.breaches(methodOfTables(), in.Parameters) {
			r.t.Errorf("dynamo: %s sends a %T: %s", methodOfTables(), in.Parameters, breach)
		}
		return next.HandleInitialize(ctx, in)
	})
}

// breaches is what is wrong with a request that a method sends, a sentence each.
func (r *rules) breaches(method string, input any) []string {
	var found []string
	breach := func(is bool, format string, args ...any) {
		if is {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	for _, read := range readsOf(input, r.tables) {
		may := strings.HasPrefix(method, lagging)
		breach(read.Lags && !may, "it reads %s, which may lag; a method that means that is called %s...", read.From, lagging)
		breach(!read.Lags && may && !read.ofIndex(), "it reads %s, which never lags; the method says that it may", read.From)
	}
	writes := writesOf(input, r.tables)
	for _, w := range writes {
		breach(w.kind == deletion && !w.deletable(), "it deletes %s of %s", w.pk, w.table)
		breach(w.table == dynamo.UsageTable.Name && w.condition == "", "its %s of %s is under no condition", w.kind, w.pk)
		breach(w.table == dynamo.LedgerTable.Name && (w.kind != put || w.condition != newOnly), "its %s of entry %s is not a put where there is none", w.kind, w.pk)
		breach(w.table == dynamo.WalletsTable.Name && (w.kind != put || w.condition == ""), "its %s of wallet %s is not a put over the one that was read", w.kind, w.pk)
	}
	guarded := slices.ContainsFunc(writes, func(w write) bool { return w.condition != "" || w.isCursor() })
	breach(len(writes) > 0 && !guarded, "it writes under no condition at all")
	transaction, isTransaction := input.(*dynamodb.TransactWriteItemsInput)
	wallets, entries := countOf(writes, dynamo.WalletsTable.Name), countOf(writes, dynamo.LedgerTable.Name)
	breach(wallets+entries > 0 && (!isTransaction || wallets != 1 || entries == 0), "it writes %d wallets and %d entries; they go together, in one transaction", wallets, entries)
	if isTransaction {
		breach(!r.isNewToken(aws.ToString(transaction.ClientRequestToken)), "its token is missing, or another transaction's")
	}
	capacity, known := capacityOf(input)
	breach(!known, "there is no rule that allows such a request")
	breach(known && capacity != types.ReturnConsumedCapacityTotal, "it does not ask for what it consumes")
	return found
}

func (r *rules) isNewToken(token string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.tokens[token]
	r.tokens[token] = true
	return token != "" && !known
}

// methodOfTables is the exported method of a part of dynamo.Tables that the running
// request was asked of, or else its outermost one: a request is sent by the goroutine
// that has called the SDK.
func methodOfTables() string {
	const deepest = 256
	places := make([]uintptr, deepest)
	frames := runtime.CallersFrames(places[:runtime.Callers(1, places)])
	method := ""
	for {
		frame, more := frames.Next()
		if _, part, found := strings.Cut(frame.Function, "drawdown/shared/dynamo.(*"); found {
			_, name, _ := strings.Cut(part, ").")
			name, _, _ = strings.Cut(name, ".") // of a function within it
			if method == "" || isExported(name) {
				method = name
			}
		}
		if !more {
			return method
		}
	}
}

func isExported(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }
