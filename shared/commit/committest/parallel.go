package committest

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/shared/census"
	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rating"
)

// The size of a parallel run.
const (
	workers    = 8
	operations = 60
)

// call is one command that was sent, and its answer. At its start entries up to
// from were known to be there; at its end there were entries up to until.
type call struct {
	command     ledger.Command
	outcome     commit.Outcome
	from, until int64
}

type parallel struct {
	subject   Subject
	account   string
	committer *commit.Committer
	known     atomic.Int64 // the highest seq that any caller has been told

	mu    sync.Mutex
	calls []call
}

// Parallel sends commands from several goroutines at once, each two or three
// times, and then looks for the order in which they took effect: the entries by
// seq, fed to the reference, must give just the same entries, and each refusal
// must be what the reference answers at some moment between the call's start and
// end. The outcomes of the calls are counted.
func Parallel(t *testing.T, did *census.Census, subject Subject, account string, seed uint64) {
	t.Helper()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var clock atomic.Int64
	p := &parallel{subject: subject, account: account}
	p.committer = NewCommitter(subject.Store, func() time.Time {
		return ledgertest.Start.Add(time.Duration(clock.Add(1)) * time.Millisecond)
	})
	p.committer.OnRetry = func(_ context.Context, cause commit.Cause) { did.Count("tries lost to " + string(cause)) }
	p.send(t.Context(), t, ledger.Command{Action: ledger.Configure{Settings: parallelSettings(10)}})

	plans := make([][]ledger.Command, workers)
	for _, command := range parallelCommands(random) {
		for range 1 + random.IntN(3) {
			at := random.IntN(workers)
			plans[at] = append(plans[at], command)
		}
	}
	var running sync.WaitGroup
	for _, plan := range plans {
		running.Go(func() {
			for _, command := range plan {
				p.send(t.Context(), t, command)
			}
		})
	}
	running.Wait()
	p.linearize(t)
	p.count(t, did)
}

// ParallelFloors are what one parallel run comes to at the least.
var ParallelFloors = census.Floors{
	"debits accepted": 5, "refusals": 1, "replays": 5, "entries of a grant": 3, "tries lost to wallet_moved": 5,
}

func (p *parallel) count(t *testing.T, did *census.Census) {
	t.Helper()
	for _, c := range p.calls {
		answer, err := ledgertest.AnswerTo(c.outcome.Entry, c.outcome.Replayed, c.outcome.Err)
		if err != nil {
			t.Fatal(err)
		}
		ledgertest.Count(did, c.command, answer)
	}
}

func parallelSettings(overage credit.Amount) ledger.Settings {
	return ledger.Settings{
		Name: "Acme", Zone: "UTC", Status: ledger.Active, LowBalance: 5 * credit.Credit,
		Overage: &ledger.Overage{Policy: ledger.Bill, Limit: overage * credit.Credit},
	}
}

// parallelCommands depend on nothing but what came before them: no grant of
// theirs expires while they run.
func parallelCommands(random *rand.Rand) []ledger.Command {
	var commands []ledger.Command
	var debits []ledger.OperationID
	add := func(i int, action ledger.Action) {
		commands = append(commands, ledger.Keyed(ledger.OperationID("op-"+strconv.Itoa(i)), action))
	}
	for i := range operations {
		switch kind := random.IntN(10); {
		case kind < 2:
			priority := random.IntN(3)
			add(i, ledger.AddGrant{Amount: credit.Amount(1+random.IntN(9)) * credit.Credit, Source: ledger.FromPromo, Priority: &priority})
		case kind == 2 && len(debits) > 0:
			some := credit.Amount(1 + random.IntN(3_000_000))
			add(i, ledger.ReverseDebit{Of: debits[random.IntN(len(debits))], Credits: &some})
		case kind == 3:
			commands = append(commands, ledger.Command{Action: ledger.Configure{Settings: parallelSettings(credit.Amount(random.IntN(12)))}})
		default:
			debits = append(debits, ledger.OperationID("op-"+strconv.Itoa(i)))
			add(i, simpleDebit(credit.Amount(1+random.IntN(4))*credit.Credit))
			if kind == 9 { // the same id for something else
				add(i, simpleDebit(5*credit.Credit))
			}
		}
	}
	return commands
}

func simpleDebit(quantity credit.Amount) ledger.Debit {
	return ledger.Debit{
		Agent: ledger.Agent{ID: "a1"}, Channel: "api",
		Lines: []rating.Line{{Item: rating.Item{Node: "ai_reply", Action: "run"}, Quantity: quantity}},
	}
}

func (p *parallel) send(ctx context.Context, t *testing.T, command ledger.Command) {
	c := call{command: command, from: p.known.Load()}
	for {
		c.outcome = p.committer.Do(ctx, p.account, command)
		if c.outcome.Err == nil || fault.CodeOf(c.outcome.Err) != fault.Unavailable {
			break
		}
	}
	for {
		snapshot, err := p.subject.Store.Read(ctx, p.account, nil, "")
		if err == nil {
			c.until = snapshot.Wallet.Seq
			break
		}
		if fault.CodeOf(err) != fault.Unavailable {
			t.Error(err)
			return
		}
	}
	if c.outcome.Entry != nil {
		for seen := p.known.Load(); seen < c.outcome.Entry.Seq && !p.known.CompareAndSwap(seen, c.outcome.Entry.Seq); seen = p.known.Load() {
			continue
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
}

func (p *parallel) linearize(t *testing.T) {
	t.Helper()
	entries, err := p.subject.all(t.Context(), p.account)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Fold(entries); err != nil {
		t.Fatal(err)
	}
	reference := ledgertest.NewReference(p.account, ledgertest.Cards(), ledgertest.Rules())
	justified := make([]bool, len(p.calls))
	for i := range entries {
		entry := &entries[i]
		command, found := p.commandOf(entry)
		if !found {
			t.Fatalf("nobody sent what entry %d says: %+v", entry.Seq, ledgertest.EntryOf(entry))
		}
		answer := reference.Do(command, entry.CreatedAt)
		if difference := ledgertest.Difference(ledgertest.EntryOf(entry), answer.Entry); difference != "" || answer.Replayed {
			t.Fatalf("entry %d of %d (replayed %t): %s", entry.Seq, len(entries), answer.Replayed, difference)
		}
		p.justify(t, reference, justified)
	}
	for i, c := range p.calls {
		switch {
		case c.outcome.Err != nil && !justified[i]:
			t.Errorf("%+v was refused, and at no moment from seq %d to %d was there reason to: %v", c.command, c.from, c.until, c.outcome.Err)
		case c.outcome.Entry != nil:
			kept := ledgertest.EntryOf(&entries[c.outcome.Entry.Seq-1])
			if difference := ledgertest.Difference(ledgertest.EntryOf(c.outcome.Entry), kept); difference != "" {
				t.Errorf("an answer (replayed %t) is not the entry that was kept: %s", c.outcome.Replayed, difference)
			}
		}
	}
	p.onceEach(t, entries)
}

// justify marks the refusals that are right after the reference's last entry.
func (p *parallel) justify(t *testing.T, reference *ledgertest.Reference, justified []bool) {
	seq := int64(len(reference.Entries))
	for i, c := range p.calls {
		if c.outcome.Err == nil || justified[i] || seq < c.from || seq > c.until {
			continue
		}
		got, err := ledgertest.AnswerTo(nil, false, c.outcome.Err)
		if err != nil {
			t.Fatalf("%+v failed: %v", c.command, err)
		}
		want := reference.Probe(c.command, time.UnixMilli(reference.LastAt))
		justified[i] = ledgertest.Difference(got, want) == ""
	}
}

// commandOf is the command that left an entry.
func (p *parallel) commandOf(entry *ledger.Entry) (ledger.Command, bool) {
	if settings := ledger.DetailOf[*ledger.Settings](entry); settings != nil {
		return ledger.Command{Action: ledger.Configure{Settings: *settings}}, true
	}
	at := slices.IndexFunc(p.calls, func(c call) bool {
		return c.command.Operation == entry.Operation && c.command.Hash == entry.Hash
	})
	if at < 0 {
		return ledger.Command{}, false
	}
	return p.calls[at].command, true
}

// onceEach: of all calls under one id at most one was answered as new, and all
// others got the same entry.
func (p *parallel) onceEach(t *testing.T, entries []ledger.Entry) {
	t.Helper()
	seqs := map[ledger.OperationID]int64{}
	for _, entry := range entries {
		if _, twice := seqs[entry.Operation]; twice {
			t.Errorf("operation %s took effect twice", entry.Operation)
		}
		seqs[entry.Operation] = entry.Seq
	}
	first := map[ledger.OperationID]int{}
	for _, c := range p.calls {
		if c.outcome.Entry == nil || c.command.Operation == "" {
			continue
		}
		if c.outcome.Entry.Seq != seqs[c.command.Operation] {
			t.Errorf("operation %s was answered with entry %d, and left entry %d", c.command.Operation, c.outcome.Entry.Seq, seqs[c.command.Operation])
		}
		if !c.outcome.Replayed {
			first[c.command.Operation]++
		}
	}
	for operation, count := range first {
		if count > 1 {
			t.Errorf("operation %s: %d calls were told that it took effect just now", operation, count)
		}
	}
}
