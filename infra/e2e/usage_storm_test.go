package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The tests of this file disturb the deliveries of the stream, or measure time, so none of them runs in parallel.

const rollupFunction = "rollup"

// undisturbed ends all faults of the stream, now and at the end of the test.
func undisturbed(t *testing.T) {
	end := func() {
		faults.Release()
		faults.Duplicate.Store(false)
		faults.Shuffle.Store(false)
		faults.DropAnswers.Store(0)
		faults.DropBatches.Store(0)
	}
	end()
	t.Cleanup(end)
}

func disturb() {
	faults.Duplicate.Store(true)
	faults.Shuffle.Store(true)
}

// usageStorm is the debits of a storm: what is sent, and what must come of it.
type usageStorm struct {
	chance   *rand.Rand
	accounts []stormAccount
	mu       sync.Mutex
	seqs     map[string]int64 // of what took effect, by "account operation"
}

type stormAccount struct {
	id, zone string
	start    time.Time // of the first day
	sent     map[string]*stormDebit
}

// stormDebit is one operation of a storm.
type stormDebit struct {
	account, key string
	body         body
	fact         fact   // with no seq if it is refused
	refusal      string // empty, or why it must be refused
	reverses     string // the key of the debit that it reverses; then body is of a reversal
}

const (
	stormDays   = 3
	stormAgents = 20
)

func newUsageStorm(t *testing.T) *usageStorm {
	s := &usageStorm{chance: seeded(t), seqs: map[string]int64{}}
	for _, zone := range []string{"UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Pacific/Auckland"} {
		id := openAccount(t, settings().with("time_zone", zone))
		addGrant(t, id, body{"amount": "1000000", "source": "promo"})
		then := time.Now().In(location(t, zone)).AddDate(0, 0, -12)
		start := time.Date(then.Year(), then.Month(), then.Day(), 0, 0, 0, 0, then.Location())
		s.accounts = append(s.accounts, stormAccount{id, zone, start, map[string]*stormDebit{}})
	}
	return s
}

func location(t *testing.T, zone string) *time.Location {
	t.Helper()
	at, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// debit makes one more debit of any account.
func (s *usageStorm) debit() *stormDebit {
	a := &s.accounts[s.chance.IntN(len(s.accounts))]
	at := a.start.Add(time.Duration(s.chance.Int64N(int64(a.start.AddDate(0, 0, stormDays).Sub(a.start))))).Truncate(time.Millisecond)
	number := s.chance.IntN(stormAgents)
	of := body{
		"agent":   body{"id": fmt.Sprintf("agent-%02d", number), "name": fmt.Sprintf("Agent no. %d", number)},
		"channel": channels[s.chance.IntN(len(channels))].id, "messages": s.chance.IntN(4), "occurred_at": at.UTC(),
	}
	if s.chance.IntN(4) > 0 {
		of["conversation_id"] = fmt.Sprintf("c%d", s.chance.IntN(4))
	}
	var lines []body
	for range 1 + s.chance.IntN(3) {
		rate := firstRates[s.chance.IntN(len(firstRates))]
		lines = append(lines, body{"node": rate["node"], "action": rate["action"], "quantity": credits(1 + s.chance.Int64N(9_000_000))})
	}
	of["lines"] = lines
	d := &stormDebit{account: a.id, key: fmt.Sprintf("d-%d", len(a.sent)), body: of}
	d.fact = factOf(of, at.Format(time.DateOnly))
	a.sent[d.key] = d
	return d
}

// refused makes one more debit that must be refused.
func (s *usageStorm) refused() *stormDebit {
	d := s.debit()
	if s.chance.IntN(2) == 0 {
		d.refusal = "insufficient-credits"
		d.body["lines"] = []body{{"node": "unit", "action": "use", "quantity": 900_000_000 * credit}}
	} else {
		d.refusal = "rate-not-found"
		d.body["lines"] = []body{{"node": "unit", "action": "no_such", "quantity": credit}}
	}
	return d
}

// reversal makes the reversal of a debit: of the whole, or of a part if the debit has a single line.
func (s *usageStorm) reversal(of *stormDebit) *stormDebit {
	back := &stormDebit{account: of.account, key: "r-" + of.key, body: body{"reason": "it failed"}, reverses: of.key}
	back.fact = of.fact
	back.fact.conversation, back.fact.counts, back.fact.nodes = "", usageCounts{Credits: -of.fact.counts.Credits}, nil
	if part := of.fact.counts.Credits / 3; part > 0 && len(of.fact.nodes) == 1 {
		back.fact.counts.Credits = -part
		back.body["credits"] = part
		back.fact.nodes = []nodeFact{{of.fact.nodes[0].key, -part, 0, 0}}
	} else {
		for _, n := range of.fact.nodes {
			back.fact.nodes = append(back.fact.nodes, nodeFact{n.key, -n.credits, 0, 0})
		}
	}
	for i := range s.accounts {
		if s.accounts[i].id == of.account {
			s.accounts[i].sent[back.key] = back
		}
	}
	return back
}

// calls cuts operations into singles and batches, and doubles some: within a batch, and as a call of its own.
func (s *usageStorm) calls(operations []*stormDebit) [][]*stormDebit {
	var calls [][]*stormDebit
	for len(operations) > 0 {
		n := min(len(operations), []int{1, 1, 5, 12, 25}[s.chance.IntN(5)])
		call := operations[:n:n]
		operations = operations[n:]
		if n > 1 && s.chance.IntN(3) == 0 {
			call = append(call, call[0])
		}
		calls = append(calls, call)
		if s.chance.IntN(6) == 0 {
			calls = append(calls, call[:1])
		}
	}
	s.chance.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	return calls
}

// send sends calls from several callers at once.
func (s *usageStorm) send(t *testing.T, calls [][]*stormDebit) {
	const callers = 6
	ctx, cancel := context.WithTimeout(t.Context(), stormLimit)
	defer cancel()
	work := make(chan []*stormDebit)
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for call := range work {
				if err := s.sendOne(ctx, t, call); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, call := range calls {
		work <- call
	}
	close(work)
	running.Wait()
}

func (s *usageStorm) sendOne(ctx context.Context, t *testing.T, call []*stormDebit) error {
	d := call[0]
	switch {
	case d.reverses != "":
		return s.single(ctx, t, d, reversal(d.account, d.reverses, d.key, d.body))
	case len(call) == 1:
		return s.single(ctx, t, d, debit(d.account, d.key, d.body))
	}
	items := make([]body, len(call))
	for i, d := range call {
		items[i] = item(d.account, d.key, d.body)
	}
	for {
		a, _, err := admin(t).insist(ctx, batch(items...))
		if err != nil {
			return err
		}
		var got struct{ Results []result }
		if err := json.Unmarshal(a.Body, &got); err != nil || len(got.Results) != len(call) {
			return fmt.Errorf("a batch of %d is answered %s: %w", len(call), a, err)
		}
		again := false
		for i, r := range got.Results {
			if r.Status >= http.StatusInternalServerError {
				again = true
				continue
			}
			if err := s.note(call[i], r.Status, r.Debit, r.Problem); err != nil {
				return err
			}
		}
		if !again {
			return nil
		}
	}
}

func (s *usageStorm) single(ctx context.Context, t *testing.T, d *stormDebit, r request) error {
	a, _, err := admin(t).insist(ctx, r)
	if err != nil {
		return err
	}
	var told problem
	if a.Status >= http.StatusBadRequest {
		if err := json.Unmarshal(a.Body, &told); err != nil {
			return err
		}
	}
	return s.note(d, a.Status, a.Body, &told)
}

// note keeps the seq of what took effect; every answer must tell the same.
func (s *usageStorm) note(d *stormDebit, status int, answer []byte, told *problem) error {
	if d.refusal != "" {
		if status < http.StatusBadRequest || told.Type != "urn:drawdown:problem:"+d.refusal {
			return fmt.Errorf("%s %s is answered %d, want %s", d.account, d.key, status, d.refusal)
		}
		return nil
	}
	var done struct {
		Seq     int64   `json:"seq"`
		Credits credits `json:"credits"`
	}
	if err := json.Unmarshal(answer, &done); err != nil || status != http.StatusCreated && status != http.StatusOK {
		return fmt.Errorf("%s %s is answered %d %s: %w", d.account, d.key, status, answer, err)
	}
	want := d.fact.counts.Credits
	if d.reverses != "" {
		want = -want
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := d.account + " " + d.key
	if before := s.seqs[name]; done.Credits != want || before != 0 && before != done.Seq {
		return fmt.Errorf("%s: %s credits at seq %d, want %s at %d", name, done.Credits, done.Seq, want, before)
	}
	s.seqs[name] = done.Seq
	return nil
}

// facts are what an account's usage must hold.
func (s *usageStorm) facts(a stormAccount) facts {
	var all facts
	for key, d := range a.sent {
		if d.refusal == "" {
			f := d.fact
			f.seq = s.seqs[a.id+" "+key]
			all = append(all, f)
		}
	}
	return all
}

// rollupKiller kills the processes of the roll-up again and again.
type rollupKiller struct {
	t           *testing.T
	chance      *rand.Rand
	accounts    []stormAccount
	kills       atomic.Int64 // moments at which there were processes
	interrupted atomic.Int64 // those of them that left a fold half done
}

// run kills until the context ends: best while a fold is half done. Deliveries are held back in between, so that there
// is work for many sheets.
func (k *rollupKiller) run(ctx context.Context) {
	const held, start, patience = 250 * time.Millisecond, 120 * time.Millisecond, 400 * time.Millisecond
	for ctx.Err() == nil {
		faults.Hold()
		time.Sleep(held)
		faults.Release()
		time.Sleep(time.Duration(k.chance.Int64N(int64(start)))) // what the kill before has left half done may go on
		for began := time.Now(); time.Since(began) < patience && !k.isHalfDone(ctx); {
			time.Sleep(time.Millisecond)
		}
		if platform.Kill(rollupFunction) > 0 {
			k.kills.Add(1)
			faults.Hold()
			if k.isHalfDone(ctx) {
				k.interrupted.Add(1)
			}
		}
	}
	faults.Release()
}

// isHalfDone says whether a sheet of an account is ahead of the mark, which moves last.
func (k *rollupKiller) isHalfDone(ctx context.Context) bool {
	for _, a := range k.accounts {
		out, err := database().Query(ctx, &dynamodb.QueryInput{
			TableName: aws.String(platform.TableName("Usage")), ConsistentRead: aws.Bool(true),
			KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: stored{":pk": stringValue("A#" + a.id)},
		})
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			k.t.Error(err)
			return false
		}
		var mark, upto int64
		for _, item := range out.Items {
			upto = max(upto, numberIn(item["u"]))
			if numberIn(item["u"]) == 0 {
				mark = max(mark, numberIn(item["n"]))
			}
		}
		if upto > mark {
			return true
		}
	}
	return false
}

// numberIn is zero for what is no whole number.
func numberIn(value types.AttributeValue) int64 {
	if n, ok := value.(*types.AttributeValueMemberN); ok {
		number, _ := strconv.ParseInt(n.Value, 10, 64) // zero, then
		return number
	}
	return 0
}

func TestUsageHoldsEveryDebitOnceWhateverTheStreamDoes(t *testing.T) {
	const debits, refusals, reversals, fewestKills, fewestInterrupted = 1000, 60, 50, 8, 3
	const longest = 40 * time.Second
	undisturbed(t)
	s := newUsageStorm(t)
	var first, second []*stormDebit
	for range debits * 3 / 4 {
		first = append(first, s.debit())
	}
	for range refusals {
		first = append(first, s.refused())
	}
	for _, d := range first[:reversals] {
		if d.fact.counts.Credits > 0 { // there is nothing to give back of what was free
			second = append(second, s.reversal(d))
		}
	}
	backs := len(second)
	for range debits / 4 {
		second = append(second, s.debit())
	}

	disturb()
	killing, stop := context.WithCancel(t.Context())
	var killed sync.WaitGroup
	k := &rollupKiller{t: t, chance: rand.New(rand.NewPCG(s.chance.Uint64(), 0)), accounts: s.accounts}
	killed.Go(func() { k.run(killing) })
	began, folded := time.Now(), metrics.sum(rollupFunction, "Folded")
	faults.DropBatches.Store(3)
	faults.DropAnswers.Store(4)
	s.send(t, s.calls(first))
	faults.DropAnswers.Store(4)
	rest := s.calls(second[backs:])
	for _, back := range second[:backs] {
		rest = append(rest, []*stormDebit{back})
	}
	s.send(t, rest)
	more := 0
	someMore := func(n int) {
		var operations []*stormDebit
		for range n {
			operations = append(operations, s.debit())
		}
		more += n
		s.send(t, s.calls(operations))
	}
	// On a fast machine the storm goes on until it has done enough harm.
	for time.Since(began) < longest && (k.interrupted.Load() < fewestInterrupted || k.kills.Load() < fewestKills) {
		someMore(25)
	}
	sent := time.Since(began)
	lost := 3 - faults.DropBatches.Swap(0)
	// A batch that was lost for good is made up for by the next that rings for its accounts.
	for _, a := range s.accounts {
		for before := len(a.sent); len(a.sent) == before; {
			someMore(1)
		}
	}
	stop()
	killed.Wait()
	for _, a := range s.accounts {
		awaitUsage(t, a.id)
	}
	t.Logf("sent in %v, folded in %v; the roll-up was killed at %d moments, %d of them amid a fold; %d batches were lost; %.0f entries were folded in runs that came to their end",
		sent.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), k.kills.Load(), k.interrupted.Load(), lost, metrics.sum(rollupFunction, "Folded")-folded)
	if k.kills.Load() < fewestKills || k.interrupted.Load() < fewestInterrupted || lost == 0 {
		t.Errorf("the test shows nothing: %d moments of killing, %d of them amid a fold, %d lost batches", k.kills.Load(), k.interrupted.Load(), lost)
	}

	undisturbed(t)
	accepted := 0
	for _, a := range s.accounts {
		all := s.facts(a)
		from, to := a.start.Format(time.DateOnly), a.start.AddDate(0, 0, stormDays-1).Format(time.DateOnly)
		checkUsage(t, a.id, all, from, to, "agent-00", "agent-13", "no-such-agent")
		for _, day := range daysBetween(from, to) {
			checkUsage(t, a.id, all, day, day, "agent-07")
		}
		checkUsage(t, a.id, all, a.start.AddDate(0, -1, 0).Format(time.DateOnly), to)
		proof := checkAudit(t, a.id)
		accepted += int(proof.Entries["debit"])
		equal(t, "entries of "+a.id, proof.Seq, int64(2+len(all)))
	}
	equal(t, "debits that were accepted", accepted, debits+more)
}

func TestADebitShowsInUsageWithinTheWindowAndTwoSeconds(t *testing.T) {
	const trials, window, soon = 3, time.Second, 2 * time.Second
	undisturbed(t)
	account := openFunded(t, 100*credit)
	spend(t, account, credit)
	awaitUsage(t, account)
	var fastest time.Duration
	for i := range trials {
		before := usageOf(t, account, "", "", "day", "").Total
		d := spend(t, account, credit)
		began := time.Now()
		if !eventually(t, foldLimit, func() bool { return asOfSeq(t, account) >= d.Seq }) {
			t.Fatalf("the debit is not in usage after %v", foldLimit)
		}
		took := time.Since(began)
		t.Logf("in usage after %v", took.Round(time.Millisecond))
		if i == 0 || took < fastest {
			fastest = took
		}
		before.add(usageCounts{Credits: credit, Debits: 1})
		equal(t, "usage", usageOf(t, account, "", "", "day", "").Total, before)
	}
	if fastest > window+soon { // another program may slow a trial down, but hardly all of them
		t.Errorf("a debit took %v to show in usage, want at most %v", fastest, window+soon)
	}
}

func TestARebuildUnderFireLosesNothing(t *testing.T) {
	const rebuilds = 6
	undisturbed(t)
	account := openFunded(t, 10_000*credit)
	since := today()
	disturb()
	var mu sync.Mutex
	var all facts
	firing, stop := context.WithCancel(t.Context())
	ctx := context.WithoutCancel(firing) // no call is broken off
	var running sync.WaitGroup
	for caller := range 3 {
		running.Go(func() {
			for i := 0; firing.Err() == nil; i++ {
				of := use("unit", credits(1+i)*credit/4).with("conversation_id", fmt.Sprint("c", i%7)).with("messages", 1).
					with("agent", body{"id": fmt.Sprint("agent-", i%15), "name": "Agent"})
				a, _, err := admin(t).insist(ctx, debit(account, fmt.Sprintf("d-%d-%d", caller, i), of))
				var done debited
				if err != nil || json.Unmarshal(a.Body, &done) != nil || done.Seq == 0 {
					t.Errorf("%s: %v", a, err)
					return
				}
				mu.Lock()
				all = append(all, recorded(done, of))
				mu.Unlock()
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	done, chance, k := 0, seeded(t), &rollupKiller{t: t, accounts: []stormAccount{{id: account}}}
	for i := range rebuilds {
		var killing sync.WaitGroup
		if i%2 == 1 {
			killing.Go(func() {
				for began := time.Now(); time.Since(began) < time.Second && !k.isHalfDone(t.Context()); {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(time.Duration(chance.Int64N(int64(15 * time.Millisecond))))
				platform.Kill(rollupFunction)
			})
		}
		text, failure := invokeFunction(t, rollupFunction, body{"rebuild": account})
		killing.Wait()
		if failure == "" {
			done++
		} else if i%2 == 0 {
			t.Errorf("the rebuild failed: %s: %s", failure, text)
		}
		time.Sleep(200 * time.Millisecond)
	}
	stop()
	running.Wait()
	awaitUsage(t, account)
	t.Logf("%d debits while %d rebuilds came to their end of %d", len(all), done, rebuilds)
	checkUsage(t, account, all, since, tomorrow(), "agent-0", "agent-2")
	checkAudit(t, account)

	// Once more in peace: the same sheets, and none of an earlier rebuild is counted.
	undisturbed(t)
	before := auditOf(t, account)
	if text, failure := invokeFunction(t, rollupFunction, body{"rebuild": account}); failure != "" {
		t.Fatalf("the rebuild failed: %s: %s", failure, text)
	}
	checkUsage(t, account, all, since, tomorrow(), "agent-1")
	equal(t, "sheets", checkAudit(t, account).Usage.Sheets, before.Usage.Sheets)
}

func TestARingThatWasLostIsMadeUpFor(t *testing.T) {
	undisturbed(t)
	account := openFunded(t, 100*credit)
	spend(t, account, credit)
	awaitUsage(t, account)
	var lost debited
	isLost := func() bool { // unless it was the late batch of an earlier ring that was dropped
		faults.DropBatches.Store(1)
		lost = spend(t, account, credit)
		if !eventually(t, foldLimit, func() bool { return faults.DropBatches.Load() == 0 }) {
			t.Fatal("no batch was dropped")
		}
		time.Sleep(1500 * time.Millisecond)
		return asOfSeq(t, account) == lost.Seq-1
	}
	if !eventually(t, foldLimit, isLost) {
		t.Fatalf("usage holds %d entries though the ring for entry %d was dropped", asOfSeq(t, account), lost.Seq)
	}
	proof := auditOf(t, account) // to lag is no drift
	equal(t, "the audit is clean", proof.Clean, true)
	equal(t, "usage audited up to", proof.Usage.Seq, lost.Seq-1)
	text, failure := invokeFunction(t, rollupFunction, body{"catch_up": account})
	var done struct {
		Account string `json:"account_id"`
		Seq     int64  `json:"seq"`
		Folded  int    `json:"folded"`
	}
	if err := json.Unmarshal([]byte(text), &done); err != nil || failure != "" {
		t.Fatalf("%s: %s", failure, text)
	}
	equal(t, "what was done", fmt.Sprint(done.Account, done.Seq, done.Folded), fmt.Sprint(account, lost.Seq, 1))
	equal(t, "usage holds", asOfSeq(t, account), lost.Seq)
	equal(t, "the debits in usage", usageOf(t, account, "", "", "day", "").Total.Debits, lost.Seq-2)
	checkAudit(t, account)

	if text, failure := invokeFunction(t, rollupFunction, body{"catch_up": "no.such.account"}); failure == "" {
		t.Errorf("an account that is not there is caught up: %s", text)
	}
	if text, failure := invokeFunction(t, rollupFunction, "{}"); failure == "" {
		t.Errorf("an empty call is answered %s", text)
	}
}
