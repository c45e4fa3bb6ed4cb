package cpu

import (
	"bytes"
	"testing"
	"time"

	"drawdown/infra/load/usual"
	"drawdown/shared/commit"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/memory"
)

// Benchmark is one part of a debit.
type Benchmark struct {
	Name string
	Run  func(*testing.B)
}

// Benchmarks are the parts, the smallest first.
func Benchmarks() []Benchmark {
	return []Benchmark{
		{"ledger: decide a debit", decide},
		{"httpapi: decode and hash a request", decode},
		{"httpapi: encode an answer", encode},
		{"HTTP invocation, store in memory", invokeInMemory},
		{"HTTP invocation, real store, network canned", invokeCanned},
	}
}

// loop runs one part repeatedly.
func loop(b *testing.B, part func()) {
	b.Helper()
	b.ReportAllocs()
	var watch stopwatch
	done := 0
	watch.start()
	for b.Loop() {
		part()
		done++
	}
	watch.stop()
	watch.report(b, done)
}

func decide(b *testing.B) {
	committer, wallet := opened(b)
	state := ledger.State{Account: account, Wallet: wallet, Book: newRates().book, Rules: committer.Rules}
	command := ledger.Keyed(usual.Operation("debit", 0), usual.Debit())
	now := time.Now()
	loop(b, func() {
		if _, err := ledger.Decide(state, command, now); err != nil {
			b.Fatal(err)
		}
	})
}

func opened(b *testing.B) (*commit.Committer, *ledger.Wallet) {
	b.Helper()
	store := &memory.Store{}
	committer := committerOver(store)
	if err := usual.Open(b.Context(), committer, account); err != nil {
		b.Fatal(err)
	}
	snapshot, err := store.Read(b.Context(), account, nil, "")
	if err != nil {
		b.Fatal(err)
	}
	return committer, snapshot.Wallet
}

func decode(b *testing.B) {
	payload := usual.ItemJSON(account, usual.OperationID("debit", 0))
	loop(b, func() {
		call, err := httpapi.DecodeDirect(payload)
		if err != nil || call.Items[0].Err != nil {
			b.Fatal(err, call)
		}
	})
}

func encode(b *testing.B) {
	committer, _ := opened(b)
	call, err := httpapi.DecodeDirect(usual.ItemJSON(account, usual.OperationID("debit", 0)))
	if err != nil {
		b.Fatal(err)
	}
	outcomes := []commit.Outcome{committer.Do(b.Context(), account, call.Items[0].Command.Command)}
	loop(b, func() {
		if _, err := httpapi.EncodeDirect(call, outcomes); err != nil {
			b.Fatal(err)
		}
	})
}

// storeLife is how many debits a store in memory takes before it is replaced: it
// searches entries linearly, and so slows down as they accumulate.
const storeLife = 32

func invokeInMemory(b *testing.B) {
	var committer *commit.Committer
	server, token, err := newServer(func() *commit.Committer { return committer })
	if err != nil {
		b.Fatal(err)
	}
	payloads := make([][]byte, storeLife)
	for i := range payloads {
		if payloads[i], err = event(token, usual.OperationID("debit", i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.StopTimer()
	var watch stopwatch
	for done := 0; done < b.N; done += storeLife {
		committer, _ = opened(b)
		b.StartTimer()
		watch.start()
		for _, payload := range payloads[:min(storeLife, b.N-done)] {
			mustAccept(b, server, payload)
		}
		watch.stop()
		b.StopTimer()
	}
	watch.report(b, b.N)
}

func invokeCanned(b *testing.B) {
	store, err := openCanned(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	committer := committerOver(store)
	server, token, err := newServer(func() *commit.Committer { return committer })
	if err != nil {
		b.Fatal(err)
	}
	payload, err := event(token, usual.OperationID("debit", 0))
	if err != nil {
		b.Fatal(err)
	}
	loop(b, func() { mustAccept(b, server, payload) })
}

func mustAccept(b *testing.B, server *httpapi.Server, payload []byte) {
	b.Helper()
	answer, err := server.Invoke(b.Context(), payload)
	if err != nil || !bytes.HasPrefix(answer, []byte(`{"statusCode":201,`)) {
		b.Fatalf("not accepted: %s (%v)", answer, err)
	}
}
