package boot

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// database answers as DynamoDB does for an account that exists, but for one
// request: of that, and of all later ones, it has answered at most a part when the
// caller's time is over.
type database struct {
	hangs string // "<operation> <number>", counted from 1
	part  string // what is sent of its answer
	lost  string // the code that the first transaction is canceled with

	mu    sync.Mutex
	seen  map[string]int
	stuck bool
}

func (d *database) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	_, _ = io.Copy(io.Discard, r.Body)
	d.mu.Lock()
	d.seen[operation]++
	d.stuck = d.stuck || fmt.Sprintf("%s %d", operation, d.seen[operation]) == d.hangs
	stuck := d.stuck
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	switch {
	case stuck:
		if d.part != "" {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, d.part)
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	case operation == "BatchGetItem":
		_, _ = io.WriteString(w, `{"Responses":{"wallets":[{"pk":{"S":"A#acme#00"},"n":{"N":"1"},"la":{"N":"1"},"z":{"S":"UTC"},"st":{"S":"active"}}]}}`)
	case operation == "TransactWriteItems":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"TransactionCanceledException","CancellationReasons":[{"Code":"`+d.lost+`"},{"Code":"None"}]}`)
	default:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"__type":"InternalServerError"}`)
	}
}

// The client of AWS that functions have says in its own ways that a deadline has
// passed: while it connects, waits for an answer, reads one, or waits to try
// again. Each is a 503 that says whether other writers were in the way.
func TestADeadlineIsNoInternalError(t *testing.T) {
	grant := ledger.Keyed("op", ledger.AddGrant{Amount: credit.Credit, Source: ledger.FromPromo})
	debit := ledger.Keyed("op", ledger.Debit{Agent: ledger.Agent{ID: "a"}, Channel: "api", Lines: []rating.Line{{Item: rating.Item{Node: "n", Action: "a"}}}})
	const conflict, condition, throttled = "TransactionConflict", "ConditionalCheckFailed", "ThrottlingError"
	for name, c := range map[string]struct {
		command  ledger.Command
		database *database
		want     string
	}{
		"the rate cards":               {debit, &database{hangs: "Query 1"}, "unavailable"},
		"the rate cards, failing":      {debit, &database{}, "unavailable"}, // each try, so that the client waits in between
		"the first read":               {grant, &database{hangs: "BatchGetItem 1"}, "unavailable"},
		"half of the first read":       {grant, &database{hangs: "BatchGetItem 1", part: `{"Responses":`}, "unavailable"},
		"the first commit":             {grant, &database{hangs: "TransactWriteItems 1"}, "unavailable"},
		"half of the first commit":     {grant, &database{hangs: "TransactWriteItems 1", part: "{"}, "unavailable"},
		"the second read":              {grant, &database{lost: conflict, hangs: "BatchGetItem 2"}, "contended"},
		"half of the second read":      {grant, &database{lost: conflict, hangs: "BatchGetItem 2", part: "{"}, "contended"},
		"the second commit":            {grant, &database{lost: condition, hangs: "TransactWriteItems 2"}, "contended"},
		"half of the second commit":    {grant, &database{lost: condition, hangs: "TransactWriteItems 2", part: "{"}, "contended"},
		"the second commit, throttled": {grant, &database{lost: throttled, hangs: "TransactWriteItems 2"}, "unavailable"},
		"nothing but conflicts":        {grant, &database{lost: conflict}, "contended"},
		"nothing but throttled writes": {grant, &database{lost: throttled}, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.database.seen = map[string]int{}
			server := httptest.NewServer(c.database)
			defer server.Close()
			expires(t, server.URL, c.command, c.want)
		})
	}
	t.Run("the connection", func(t *testing.T) {
		t.Parallel()
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // and nobody accepts
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = listener.Close() }() // nothing was sent to it
		expires(t, "http://"+listener.Addr().String(), grant, "unavailable")
	})
}

// expires runs a command until its deadline, and demands a 503 of that kind.
func expires(t *testing.T, url string, command ledger.Command, want string) {
	t.Helper()
	platform, err := newPlatform(complete("AWS_ENDPOINT_URL_DYNAMODB", url, "AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "s",
		dynamo.WalletsTable.EnvVar, "wallets", dynamo.LedgerTable.EnvVar, "ledger", dynamo.UsageTable.EnvVar, "usage", dynamo.AccountsTable.EnvVar, "accounts").get)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	outcome := platform.Committer.Do(ctx, "acme", command)
	problem := httpapi.ProblemOf(outcome.Err)
	if problem.Status != http.StatusServiceUnavailable || problem.Type != "urn:drawdown:problem:"+want || outcome.Entry != nil {
		t.Errorf("the answer is %d %s: %v", problem.Status, problem.Type, outcome.Err)
	}
}
