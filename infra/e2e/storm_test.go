package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

// The tests of this file kill processes or measure time, so none of them runs in parallel with another.

const callers = 16

// stormLimit bounds each of these tests; far more than it takes on a quiet machine.
const stormLimit = 3 * time.Minute

// seeded is a source of chance whose seed the test prints.
func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestAGrantLandsBesideBusyCallersAndNoneStarves(t *testing.T) {
	const busy, soon = 4 * time.Second, 5 * time.Second
	// A debit waits for its turn as long as its function may run; who has none done in a few times that is starved.
	const starved = 30 * time.Second
	account := openFunded(t, 1_000_000*credit)
	retries := metrics.sum(httpapi.FunctionDebit, "Retries")
	ctx, cancel := context.WithTimeout(t.Context(), stormLimit)
	defer cancel()
	var over atomic.Bool
	var contended atomic.Int64
	counts := make([]atomic.Int64, callers)
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for !over.Load() {
				r := debit(account, fmt.Sprintf("busy-%d-%d", i, counts[i].Load()), use("token", credit))
				a, err := admin(t).try(ctx, r)
				switch {
				case err != nil:
					t.Error(err)
					return
				case a.Status == http.StatusCreated:
					counts[i].Add(1)
				case a.Status == http.StatusServiceUnavailable && bytes.Contains(a.Body, []byte("urn:drawdown:problem:contended")):
					contended.Add(1) // and again, under the same id
					equal(t, "Retry-After", a.Header.Get("Retry-After"), "1")
				default:
					t.Errorf("a busy caller got %s", a)
					return
				}
			}
		})
	}
	time.Sleep(busy / 2)
	began := time.Now()
	addGrant(t, account, body{"amount": "1", "source": "purchase"})
	took := time.Since(began)
	time.Sleep(time.Until(began.Add(busy / 2)))
	fed := eventually(t, starved, func() bool {
		for i := range counts {
			if counts[i].Load() == 0 {
				return false
			}
		}
		return true
	})
	over.Store(true)
	running.Wait()

	var total, fewest int64
	for i := range counts {
		n := counts[i].Load()
		total += n
		if i == 0 || n < fewest {
			fewest = n
		}
	}
	retries = metrics.sum(httpapi.FunctionDebit, "Retries") - retries
	t.Logf("%d debits in %v by %d callers, the slowest made %d; %d answers 503; %.0f retries; the grant took %v",
		total, busy, callers, fewest, contended.Load(), retries, took.Round(time.Millisecond))
	if took > soon {
		t.Errorf("the grant took %v, want at most %v", took, soon)
	}
	if !fed { // fair shares are not promised, but progress is
		t.Errorf("a caller starved: of %d debits one has made %d", total, fewest)
	}
	if retries == 0 {
		t.Error("the log lines of the function count no retries")
	}
	equal(t, "entries", len(entriesOf(t, account)), 2+int(total)+1)
	equal(t, "the final balance", walletOf(t, account).Available, 1_000_001*credit-credits(total))
}

// killer kills the processes of the debit function each time that so many answers have come, so that there is progress
// between two kills on any machine.
type killer struct {
	chance  *rand.Rand
	answers atomic.Int64
	killed  int // processes; to be read once run has returned
	kills   int
}

// The answers between two kills.
const fewestBetweenKills, mostBetweenKills = 20, 80

func (k *killer) run(ctx context.Context) {
	next := k.answers.Load()
	for ctx.Err() == nil {
		if k.answers.Load() < next {
			time.Sleep(time.Millisecond)
			continue
		}
		if n := platform.Kill(httpapi.FunctionDebit); n > 0 {
			k.killed += n
			k.kills++
		}
		next = k.answers.Load() + fewestBetweenKills + k.chance.Int64N(mostBetweenKills-fewestBetweenKills)
		time.Sleep(time.Duration(k.chance.Int64N(int64(20 * time.Millisecond))))
	}
}

// sending is one debit of the storm, sent so often one after another.
type sending struct {
	key   string
	body  body
	times int
}

// answers keeps what came back, by key.
type answers struct {
	mu       sync.Mutex
	byKey    map[string][]answer
	failures int // answers that never came, or blamed the platform
}

func (a *answers) add(key string, got answer, failures int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byKey[key] = append(a.byKey[key], got)
	a.failures += failures
}

func TestEveryDebitTakesEffectOnceThoughProcessesDie(t *testing.T) {
	const debits = 500
	chance := seeded(t)
	start := 10_000 * credit
	account := openFunded(t, start)

	// Each id goes out two or three times: at once, which is to say to several callers, or one after another, or both.
	var queue []sending
	var charged credits
	for i := range debits {
		quantity := credits(1 + chance.Int64N(5_000_000))
		charged += quantity
		s := sending{key: fmt.Sprintf("storm-%d", i), body: use("unit", quantity)}
		for _, times := range [][]int{{2}, {3}, {1, 1}, {1, 1, 1}, {1, 2}}[chance.IntN(5)] {
			s.times = times
			queue = append(queue, s)
		}
	}

	killing, stop := context.WithCancel(t.Context())
	k := &killer{chance: chance}
	var killed sync.WaitGroup
	killed.Go(func() { k.run(killing) })
	got := sendAll(t, account, queue, k)
	stop()
	killed.Wait()
	t.Logf("%d processes were killed at %d moments; %d calls failed and were sent again", k.killed, k.kills, got.failures)
	if k.kills < 10 || got.failures == 0 {
		t.Errorf("the test shows nothing: %d moments of killing, and %d calls suffered from it", k.kills, got.failures)
	}

	entries := map[string]entry{}
	for _, e := range entriesOf(t, account)[2:] { // the opening and the grant
		if _, twice := entries[e.OperationID]; twice || e.Type != "debit" {
			t.Errorf("entry %d: %s %s", e.Seq, e.Type, e.OperationID)
		}
		entries[e.OperationID] = e
	}
	equal(t, "entries", len(entries), debits)
	equal(t, "ids answered", len(got.byKey), debits)
	for key, answers := range got.byKey {
		checkOneEffect(t, account, answers, entries[key])
	}
	equal(t, "the final balance", walletOf(t, account).Available, start-charged)
}

func sendAll(t *testing.T, account string, queue []sending, k *killer) *answers {
	ctx, cancel := context.WithTimeout(t.Context(), stormLimit)
	defer cancel()
	got := &answers{byKey: map[string][]answer{}}
	work := make(chan sending)
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for s := range work {
				for range s.times {
					a, failures, err := admin(t).insist(ctx, debit(account, s.key, s.body))
					if err != nil {
						t.Errorf("%s: %v", s.key, err)
						continue
					}
					got.add(s.key, a, failures)
					k.answers.Add(1)
				}
			}
		})
	}
	for _, s := range queue {
		work <- s
	}
	close(work)
	running.Wait()
	return got
}

// checkOneEffect checks all answers to one id: the same one, and all but one at most are replays.
func checkOneEffect(t *testing.T, account string, answers []answer, in entry) {
	t.Helper()
	firsts := 0
	for _, a := range answers {
		switch {
		case a.Status == http.StatusCreated && !a.replayed():
			firsts++
		case a.Status != http.StatusOK || !a.replayed():
			t.Errorf("want a first answer or a replay, got %s", a)
		}
		if !bytes.Equal(a.Body, answers[0].Body) {
			t.Errorf("two answers to one id differ:\n%s\n%s", answers[0], a)
		}
	}
	if firsts > 1 {
		t.Errorf("%d answers to one id say that they are the first: %s", firsts, answers[0])
	}
	var d debited
	if err := json.Unmarshal(answers[0].Body, &d); err != nil {
		t.Fatal(err)
	}
	if d.OperationID != in.OperationID || d.AccountID != account || d.Seq != in.Seq || d.Credits != in.Credits ||
		d.Balance != in.After || in.Change != -d.Credits || !d.CreatedAt.Equal(in.CreatedAt) {
		t.Errorf("the answer %s and the entry %+v are not of one debit", answers[0], in)
	}
}

func TestSingleDebitsSurviveACrashAtAnyMoment(t *testing.T) {
	const debits = 60
	chance := seeded(t)
	start := 100 * credit
	account := openFunded(t, start)
	spend(t, account, credit)
	const trials = 9
	durations := make([]time.Duration, trials)
	for i := range durations {
		began := time.Now()
		spend(t, account, credit)
		durations[i] = time.Since(began)
	}
	slices.Sort(durations)
	usual := durations[trials/2]

	var lostBefore, lostAfter, unharmed int
	for i := range debits {
		// A look at a debit first: the process that the debit meets is up, as it usually is.
		missing := admin(t).call(request{route: httpapi.GetDebit, path: []string{account, "no-such-debit"}})
		refused(t, missing, http.StatusNotFound, "debit-not-found")
		r := debit(account, fmt.Sprintf("crash-%d", i), use("unit", credit))
		first := make(chan answer)
		go func() {
			a, err := admin(t).try(t.Context(), r)
			if err != nil {
				a = answer{route: r.route} // no answer: a failure
			}
			first <- a
		}()
		time.Sleep(time.Duration(chance.Int64N(int64(usual) * 5 / 4)))
		platform.Kill(httpapi.FunctionDebit)
		a := <-first
		again, _, err := admin(t).insist(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the debit's charge", read[debited](t, again, again.Status).Credits, credit)
		switch {
		case !a.failed():
			unharmed++
			equal(t, "the status of the first answer", a.Status, http.StatusCreated)
			if again.Status != http.StatusOK || !again.replayed() || !bytes.Equal(a.Body, again.Body) {
				t.Errorf("the first answer %s was repeated as %s", a, again)
			}
		case again.Status == http.StatusCreated:
			lostBefore++
		case again.Status == http.StatusOK && again.replayed():
			lostAfter++
		default:
			t.Errorf("a debit that was lost was then answered %s", again)
		}
	}
	t.Logf("killed within %v: %d before their effect, %d after it, %d too late to harm", usual*5/4, lostBefore, lostAfter, unharmed)
	if lostBefore == 0 || lostAfter == 0 {
		t.Error("the test shows nothing: no debit was interrupted")
	}
	equal(t, "entries", len(entriesOf(t, account)), 2+1+trials+debits)
	equal(t, "the final balance", walletOf(t, account).Available, start-(1+trials+debits)*credit)
}

func TestParallelDebitsStopWhereTheCreditsEnd(t *testing.T) {
	const debits, affordable = 50, 10
	account := openFunded(t, amount("15.7")) // ten at 1.5, and a rest
	ctx, cancel := context.WithTimeout(t.Context(), stormLimit)
	defer cancel()
	got := make([]answer, debits)
	var running sync.WaitGroup
	for i := range debits {
		running.Go(func() {
			var err error
			if got[i], _, err = admin(t).insist(ctx, debit(account, fmt.Sprintf("d-%d", i), use("ai_reply", credit))); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	accepted := 0
	for _, a := range got {
		if a.Status == http.StatusCreated {
			accepted++
			continue
		}
		missing := refused(t, a, http.StatusPaymentRequired, "insufficient-credits")
		equal(t, "required", missing.Required, amount("1.5"))
		equal(t, "available", missing.Available, amount("0.7"))
		equal(t, "shortfall", missing.Shortfall, amount("0.8"))
	}
	equal(t, "accepted debits", accepted, affordable)
	equal(t, "entries", len(entriesOf(t, account)), 2+affordable)
	equal(t, "the final balance", walletOf(t, account).Available, amount("0.7"))

	// A refusal is not bound to its id: what was refused succeeds after a top-up.
	addGrant(t, account, body{"amount": "60", "source": "purchase"})
	for i, a := range got {
		again := admin(t).call(debit(account, fmt.Sprintf("d-%d", i), use("ai_reply", credit)))
		if a.Status == http.StatusCreated {
			equal(t, "the replay", again.replayed(), true)
		} else {
			equal(t, "the status after a top-up", again.Status, http.StatusCreated)
		}
	}
}
