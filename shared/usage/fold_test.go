package usage_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
	"drawdown/shared/rollup/rolluptest"
	"drawdown/shared/usage"
)

// debit is an entry of a debit of one line of 3 credits.
func debit(seq int64, agent, name, conversation, day string) ledger.Entry {
	return ledger.Entry{Seq: seq, Credits: 3 * credit.Credit, Detail: &ledger.Charge{
		Agent: ledger.Agent{ID: agent, Name: name}, Channel: "api", Conversation: conversation, Messages: 2, Day: day,
		Lines: []rating.Priced{{Line: rating.Line{Item: item("ai_reply"), Quantity: 2 * credit.Credit}, Credits: 3 * credit.Credit}},
	}}
}

func item(node string) rating.Item { return rating.Item{Node: node, Action: "run"} }

func reversal(seq int64, of ledger.Entry, credits credit.Amount) ledger.Entry {
	d := ledger.DetailOf[*ledger.Charge](&of)
	return ledger.Entry{Seq: seq, Credits: credits, Detail: &ledger.Reversal{
		OfSeq: of.Seq, Agent: d.Agent, Channel: d.Channel, Conversation: d.Conversation, Day: d.Day,
		Lines: []ledger.LineCredits{{Item: d.Lines[0].Item, Credits: credits}},
	}}
}

// sheets folds runs, each of them as one delta, into sheets.
func sheets(t *testing.T, runs ...[]ledger.Entry) map[usage.Key]usage.Content {
	t.Helper()
	firsts := map[usage.Conversation]int64{}
	found := map[usage.Key]usage.Content{}
	for _, run := range runs {
		for _, sighting := range usage.Sightings(run) {
			if _, known := firsts[sighting.Conversation]; !known {
				firsts[sighting.Conversation] = sighting.Seq
			}
		}
		deltas, err := usage.Fold(run, firsts)
		if err != nil {
			t.Fatal(err)
		}
		for _, delta := range deltas {
			content := found[delta.Key].Clone()
			if err := content.Add(delta.Content); err != nil {
				t.Fatal(err)
			}
			found[delta.Key] = content
		}
	}
	return found
}

func TestAReversalTakesBackCreditsWhereTheyWereCountedAndNothingElse(t *testing.T) {
	first := debit(1, "a1", "Helper", "c1", "2026-10-31")
	got := sheets(t, []ledger.Entry{first, debit(2, "a2", "", "c1", "2026-11-01"), reversal(3, first, credit.Credit)})
	counts := usage.Counts{Credits: 2 * credit.Credit, Debits: 1, Messages: 2, Conversations: 1}
	other := usage.Counts{Credits: 3 * credit.Credit, Debits: 1, Messages: 2, Conversations: 1}
	for key, want := range map[usage.Key]usage.Counts{
		{Kind: usage.AccountDay, Period: "2026-10-31"}:            counts,
		{Kind: usage.AgentDay, Agent: "a1", Period: "2026-10-31"}: counts,
		{Kind: usage.AccountDay, Period: "2026-11-01"}:            other,
		{Kind: usage.AgentDay, Agent: "a2", Period: "2026-11-01"}: other,
		{Kind: usage.AgentMonth, Agent: "a1", Period: "2026-10"}:  {},
		{Kind: usage.AgentMonth, Agent: "a2", Period: "2026-11"}:  {},
	} {
		if got[key].Counts != want {
			t.Errorf("%v holds %+v, want %+v", key, got[key].Counts, want)
		}
	}
	day := got[usage.Key{Kind: usage.AccountDay, Period: "2026-10-31"}]
	if node := day.Nodes[item("ai_reply")]; node != (usage.NodeCounts{Credits: 2 * credit.Credit, Quantity: 2 * credit.Credit, Lines: 1}) {
		t.Errorf("the node holds %+v", node)
	}
	if day.Channels["api"] != 2*credit.Credit {
		t.Errorf("the channel holds %s", day.Channels["api"])
	}
	if month := got[usage.Key{Kind: usage.AgentMonth, Agent: "a1", Period: "2026-10"}].Days["2026-10-31"]; month != counts {
		t.Errorf("the month's column holds %+v", month)
	}
	if len(got) != 6 {
		t.Errorf("%d sheets, want 6", len(got))
	}
}

func TestAConversationCountsOnceOverAnyRange(t *testing.T) {
	run := []ledger.Entry{
		debit(1, "a1", "", "c1", "2026-11-02"), // later by day, first by seq
		debit(2, "a1", "", "c1", "2026-11-01"),
		debit(3, "a2", "", "c1", "2026-11-01"), // another agent's
		debit(4, "a1", "", "", "2026-11-01"),
		debit(5, "a1", "", "c1", "2026-11-02"),
	}
	for cut := range run {
		got := sheets(t, run[:cut], run[cut:])
		for day, want := range map[string]int64{"2026-11-01": 1, "2026-11-02": 1} {
			if n := got[usage.Key{Kind: usage.AccountDay, Period: day}].Conversations; n != want {
				t.Errorf("cut at %d: %d conversations on %s, want %d", cut, n, day, want)
			}
		}
	}
}

func TestTheLatestNameOfAnAgentWins(t *testing.T) {
	old := debit(1, "a1", "Old", "", "2026-11-01")
	run := []ledger.Entry{old, debit(2, "a1", "New", "", "2026-11-01"), debit(3, "a1", "", "", "2026-11-01"), reversal(4, old, 1)}
	for cut := range run {
		got := sheets(t, run[:cut], run[cut:])
		for _, key := range []usage.Key{{Kind: usage.AgentDay, Agent: "a1", Period: "2026-11-01"}, {Kind: usage.AgentMonth, Agent: "a1", Period: "2026-11"}} {
			if got[key].Name != "New" {
				t.Errorf("cut at %d: %v is named %q", cut, key, got[key].Name)
			}
		}
	}
}

func TestALongRunIsCutSoThatNoSheetGetsTooMuch(t *testing.T) {
	var run []ledger.Entry
	for seq := range int64(20) {
		run = append(run, rolluptest.WideDebit("acme", seq+1, int(seq), 50))
	}
	folds := 0
	for rest := run; len(rest) > 0; folds++ {
		prefix, err := usage.Prefix(rest)
		if err != nil || len(prefix) == 0 {
			t.Fatalf("a prefix of %d entries, %v", len(prefix), err)
		}
		deltas, err := usage.Fold(prefix, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, delta := range deltas {
			if delta.Attributes() > 240 {
				t.Errorf("%d attributes for %v", delta.Attributes(), delta.Key)
			}
		}
		rest = rest[len(prefix):]
	}
	if folds != len(run) { // 155 attributes each
		t.Errorf("%d folds of %d entries with 50 nodes of their own", folds, len(run))
	}
	same := make([]ledger.Entry, 100)
	for i := range same {
		same[i] = rolluptest.WideDebit("acme", int64(i+1), 0, 50)
	}
	if prefix, err := usage.Prefix(same); len(prefix) != len(same) || err != nil {
		t.Errorf("of %d entries with the same nodes a prefix has %d, %v", len(same), len(prefix), err)
	}
}

// broken are entries that cannot be folded.
func broken() map[string]ledger.Entry {
	with := func(change func(*ledger.Entry)) ledger.Entry {
		entry := debit(7, "a1", "", "c1", "2026-11-01")
		change(&entry)
		return entry
	}
	tooMuch := rating.Priced{Line: rating.Line{Item: item("n")}, Credits: credit.Max}
	return map[string]ledger.Entry{
		"a type of another program":    with(func(e *ledger.Entry) { e.Detail = &ledger.Unknown{Kind: "lease"} }),
		"a debit without detail":       with(func(e *ledger.Entry) { e.Detail = &ledger.Unknown{Kind: ledger.DebitEntry} }),
		"a reversal without detail":    with(func(e *ledger.Entry) { e.Detail = &ledger.Unknown{Kind: ledger.ReversalEntry} }),
		"no day":                       with(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Day = "" }),
		"a day that is none":           with(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Day = "2026-02-30" }),
		"no agent":                     with(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Agent.ID = "" }),
		"no channel":                   with(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Channel = "" }),
		"lines that overflow":          with(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Lines = []rating.Priced{tooMuch, tooMuch} }),
		"a reversal of a day too long": {Seq: 7, Detail: &ledger.Reversal{Agent: ledger.Agent{ID: "a"}, Channel: "api", Day: "2026-11-011"}},
	}
}

func TestWhatCannotBeFoldedIsNamedAndEndsAPrefix(t *testing.T) {
	for name, bad := range broken() {
		var unfoldable *usage.Unfoldable
		if _, err := usage.Fold([]ledger.Entry{bad}, nil); !errors.As(err, &unfoldable) || unfoldable.Seq != 7 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(unfoldable.Error(), "entry 7") {
			t.Errorf("%s: %v", name, unfoldable)
		}
		if _, err := usage.Prefix([]ledger.Entry{bad}); !errors.As(err, &unfoldable) {
			t.Errorf("%s as a prefix: %v", name, err)
		}
		good := debit(6, "a1", "", "", "2026-11-01")
		if prefix, err := usage.Prefix([]ledger.Entry{good, bad}); len(prefix) != 1 || err != nil {
			t.Errorf("%s after a good one: a prefix of %d, %v", name, len(prefix), err)
		}
	}
}

// Quantities of cheap items may be huge, and do not affect the price.
func TestAQuantityBeyondAllBoundsStandsAtTheLargest(t *testing.T) {
	huge := debit(1, "a1", "", "", "2026-11-01")
	ledger.DetailOf[*ledger.Charge](&huge).Lines[0].Quantity = credit.Max
	again := huge
	again.Seq = 2
	deltas, err := usage.Fold([]ledger.Entry{huge, again}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, delta := range deltas {
		for counted, n := range delta.Nodes {
			if n.Quantity != credit.Max || n.Lines != 2 {
				t.Errorf("%v: %v has %+v", delta.Key, counted, n)
			}
		}
	}
}

func TestSumsThatOverflowEndAPrefix(t *testing.T) {
	huge := debit(1, "a1", "", "", "2026-11-01")
	huge.Credits, ledger.DetailOf[*ledger.Charge](&huge).Lines[0].Credits = credit.Max, credit.Max
	again := huge
	again.Seq = 2
	if prefix, err := usage.Prefix([]ledger.Entry{huge, again}); len(prefix) != 1 || err != nil {
		t.Errorf("a prefix of %d, %v", len(prefix), err)
	}
	var unfoldable *usage.Unfoldable
	if _, err := usage.Fold([]ledger.Entry{huge, again}, nil); !errors.As(err, &unfoldable) || unfoldable.Seq != 2 {
		t.Errorf("folded together: %v", err)
	}
}

// Whatever was altered in an entry, the detail of another type included, a
// fold ends in sheets or in Unfoldable.
func TestNoEntryBreaksAFold(t *testing.T) {
	committest.Bound(t, 300)
	floors := census.Floors{"runs that fold": 20, "runs that end in their middle": 5, "runs that cannot be folded": 5, "conversations": 20}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		run := rolluptest.AnyLedger(t, "acme", 10)
		for i := range run {
			if rapid.IntRange(0, 2).Draw(t, "altered?") == 0 {
				run[i].Detail = rapid.SampledFrom([]ledger.Detail{
					&ledger.Unknown{Kind: "lease"}, &ledger.Unknown{Kind: ledger.DebitEntry}, &ledger.Expiry{}, &ledger.PlanEnd{}, nil,
				}).Draw(t, "detail")
			}
			if d := ledger.DetailOf[*ledger.Charge](&run[i]); d != nil && rapid.IntRange(0, 4).Draw(t, "day?") == 0 {
				d.Day = rapid.SampledFrom([]string{"", "2026", "2026-11-31"}).Draw(t, "day")
			}
		}
		var unfoldable *usage.Unfoldable
		prefix, err := usage.Prefix(run)
		if err != nil && !errors.As(err, &unfoldable) || err == nil && len(prefix) == 0 {
			t.Fatalf("a prefix of %d, %v", len(prefix), err)
		}
		if err != nil {
			did.Count("runs that cannot be folded")
			return
		}
		did.Count("runs that fold")
		did.CountIf(len(prefix) < len(run), "runs that end in their middle")
		did.Add("conversations", len(usage.Sightings(prefix)))
		if _, err := usage.Fold(prefix, map[usage.Conversation]int64{}); err != nil {
			t.Fatalf("a prefix does not fold: %v", err)
		}
		for _, sighting := range usage.Sightings(prefix) {
			if entry := prefix[sighting.Seq-1]; entry.Type() != ledger.DebitEntry {
				t.Fatalf("a conversation is seen in a %s", entry.Type())
			}
		}
	})
}

// Folding is adding: the parts of a run, cut anywhere, add up to the whole.
func TestPartsAddUpToTheWhole(t *testing.T) {
	committest.Bound(t, 300)
	floors := census.Floors{"parts that both fold": 30, "entries": 300, "sheets in both parts": 20, "conversations": 100}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		run := rolluptest.AnyLedger(t, "acme", 20)
		cut := rapid.IntRange(0, len(run)).Draw(t, "cut")
		firsts := map[usage.Conversation]int64{}
		for _, sighting := range usage.Sightings(run) {
			firsts[sighting.Conversation] = sighting.Seq
		}
		did.CountIf(cut > 0 && cut < len(run), "parts that both fold")
		did.Add("entries", len(run))
		did.Add("conversations", len(firsts))
		var all []usage.Sheet
		keys := map[usage.Key]bool{}
		for _, part := range [][]ledger.Entry{run[:cut], run[cut:]} {
			deltas, err := usage.Fold(part, firsts)
			if err != nil {
				t.Fatal(err)
			}
			for _, delta := range deltas {
				did.CountIf(keys[delta.Key], "sheets in both parts")
				keys[delta.Key] = true
				all = append(all, usage.Sheet{Key: delta.Key, Upto: delta.Last, Content: delta.Content})
			}
		}
		if difference := rolluptest.Difference(rolluptest.SumsIn(all), rolluptest.SumsOf(run)); difference != "" {
			t.Fatal(difference)
		}
	})
}

func ExampleUnfoldable() {
	_, err := usage.Fold([]ledger.Entry{{Seq: 3, Detail: &ledger.Unknown{Kind: "lease"}}}, nil)
	fmt.Println(err)
	// Output: usage: entry 3 cannot be folded: unknown type "lease"
}
