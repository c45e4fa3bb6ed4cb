package dynamo_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
	"drawdown/shared/rollup"
	"drawdown/shared/rollup/rolluptest"
	"drawdown/shared/usage"
)

func newFolder(store rollup.Store) *rollup.Folder {
	return &rollup.Folder{Store: store, Now: time.Now, Page: rollup.DefaultPage, IndexWait: rollup.DefaultIndexWait}
}

// enter appends entries to an account's ledger.
func enter(t *testing.T, client *dynamotest.Client, account string, entries []ledger.Entry) {
	t.Helper()
	if err := (&appender{client: client, account: account}).append(entries); err != nil {
		t.Fatal(err)
	}
}

func catchUp(t *testing.T, client *dynamotest.Client, account string, seq int64) rollup.Result {
	t.Helper()
	result, err := newFolder(client).CatchUp(t.Context(), account, seq)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// holds fails where the account's sheets are not the sums of the entries.
func holds(t *testing.T, client *dynamotest.Client, account string, entries []ledger.Entry) {
	t.Helper()
	sheets, err := client.AllSheets(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	if difference := rolluptest.Difference(rolluptest.SumsIn(sheets), rolluptest.SumsOf(entries)); difference != "" {
		t.Errorf("%s: %s", account, difference)
	}
}

func wide(account string, count, nodes int, set func(int) int) []ledger.Entry {
	entries := make([]ledger.Entry, count)
	for i := range entries {
		entries[i] = rolluptest.WideDebit(account, int64(i+1), set(i), nodes)
	}
	return entries
}

func same(int) int   { return 0 }
func each(i int) int { return i }

// anySheet is a sheet with contents of its kind; a store keeps any numbers.
func anySheet(t *rapid.T) usage.Delta {
	amounts := rapid.OneOf(rapid.SampledFrom([]int64{0, 1, -1, int64(credit.Max), -int64(credit.Max) - 1}), rapid.Int64())
	amount := func(label string) credit.Amount { return credit.Amount(amounts.Draw(t, label)) }
	counts := func(label string) usage.Counts {
		return usage.Counts{Credits: amount(label), Debits: amounts.Draw(t, label), Messages: amounts.Draw(t, label), Conversations: amounts.Draw(t, label)}
	}
	delta := usage.Delta{First: 1, Last: rapid.Int64Range(1, 1<<40).Draw(t, "last")}
	delta.Name = rapid.OneOf(rapid.Just(""), rapid.StringN(1, 20, 100)).Draw(t, "name")
	if rapid.Bool().Draw(t, "month?") {
		delta.Key = usage.Key{Kind: usage.AgentMonth, Agent: "a1", Period: "2026-11"}
		for range rapid.IntRange(0, 5).Draw(t, "days") {
			if delta.Days == nil {
				delta.Days = map[string]usage.Counts{}
			}
			delta.Days[fmt.Sprintf("2026-11-%02d", rapid.IntRange(1, 30).Draw(t, "day"))] = counts("of a day")
		}
		return delta
	}
	delta.Key = rapid.SampledFrom([]usage.Key{{Kind: usage.AccountDay, Period: "2026-11-01"}, {Kind: usage.AgentDay, Agent: "a1", Period: "2026-11-01"}}).Draw(t, "key")
	delta.Counts = counts("of the day")
	names := rapid.StringMatching(`[a-z0-9_]{1,32}`)
	for range rapid.IntRange(0, 3).Draw(t, "channels") {
		if delta.Channels == nil {
			delta.Channels = map[string]credit.Amount{}
		}
		delta.Channels[names.Draw(t, "channel")] = amount("of a channel")
	}
	for range rapid.IntRange(0, 3).Draw(t, "nodes") {
		if delta.Nodes == nil {
			delta.Nodes = map[rating.Item]usage.NodeCounts{}
		}
		item := rating.Item{Node: names.Draw(t, "node"), Action: names.Draw(t, "action")}
		delta.Nodes[item] = usage.NodeCounts{Credits: amount("credits"), Quantity: amount("quantity"), Lines: amounts.Draw(t, "lines")}
	}
	return delta
}

func readSheets(t *rapid.T, client *dynamotest.Client, account string, key usage.Key) []usage.Sheet {
	var sheets []usage.Sheet
	var err error
	switch key.Kind {
	case usage.AccountDay:
		sheets, err = client.Days(context.Background(), account, key.Period, key.Period)
	case usage.AgentDay:
		sheets, err = client.AgentDays(context.Background(), account, key.Agent, key.Period, key.Period)
	case usage.AgentMonth:
		sheets, err = client.LaggingAgentMonths(context.Background(), account, key.Period, key.Period)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sheets
}

// Zeros are not stored: what is read back adds up to the same.
func TestSheetsAreReadBackAsWritten(t *testing.T) {
	committest.Bound(t, 60)
	client := dynamotest.NewClient(t)
	next := 0
	rapid.Check(t, func(t *rapid.T) {
		next++
		account := fmt.Sprintf("acme-%d", next)
		delta := anySheet(t)
		epoch := rapid.Int64Range(0, 2).Draw(t, "epoch")
		if epoch > 0 { // in place of another
			old := usage.Delta{Key: delta.Key, First: 1, Last: 5, Content: usage.Content{Name: "old", Counts: usage.Counts{Messages: 1}}}
			if _, err := client.Add(context.Background(), account, epoch-1, old); err != nil {
				t.Fatal(err)
			}
		}
		if standing, err := client.Add(context.Background(), account, epoch, delta); err != nil || !standing.Added {
			t.Fatal(standing, err)
		}
		sheets := readSheets(t, client, account, delta.Key)
		if len(sheets) != 1 || sheets[0].Epoch != epoch || sheets[0].Key != delta.Key {
			t.Fatalf("read back: %+v", sheets)
		}
		want := usage.Sheet{Key: delta.Key, Upto: delta.Last, Content: delta.Content}
		if difference := rolluptest.Difference(rolluptest.SumsIn(sheets), rolluptest.SumsIn([]usage.Sheet{want})); difference != "" {
			t.Fatal(difference)
		}
	})
}

func TestASheetSaysHowItStands(t *testing.T) { rolluptest.Standings(t, dynamotest.NewClient(t)) }

// The widest delta that a fold makes, and a thousand nodes within a day, with
// the longest names there are.
func TestWideSheetsFitTheServicesLimits(t *testing.T) {
	client := dynamotest.NewClient(t)
	delta := usage.Delta{Key: usage.Key{Kind: usage.AccountDay, Period: "2026-11-01"}, First: 1, Last: 1}
	delta.Name, delta.Counts = strings.Repeat("n", 200), usage.Counts{Credits: credit.Max, Debits: 1, Messages: 1, Conversations: 1}
	delta.Channels, delta.Nodes = map[string]credit.Amount{}, map[rating.Item]usage.NodeCounts{}
	long := func(i int) string { return fmt.Sprintf("%032d", i) }
	for i := 0; delta.Attributes()+3 <= usage.MaxAttributes; i++ {
		delta.Nodes[rating.Item{Node: long(i), Action: long(i)}] = usage.NodeCounts{Credits: credit.Max, Quantity: credit.Max, Lines: 1}
	}
	for i := 0; delta.Attributes() < usage.MaxAttributes; i++ {
		delta.Channels[long(i)] = credit.Max
	}
	for i, account := range []string{"acme", "acme"} {
		if _, err := client.Add(t.Context(), account, int64(i), delta); err != nil {
			t.Fatalf("a delta of %d attributes, epoch %d: %v", delta.Attributes(), i, err)
		}
	}
	entries := wide("many", 20, 50, each)
	enter(t, client, "many", entries)
	if result := catchUp(t, client, "many", 20); result.Entries != 20 || result.Quarantined {
		t.Errorf("got %+v", result)
	}
	holds(t, client, "many", entries)
	days, err := client.Days(t.Context(), "many", "2026-11-01", "2026-11-01")
	if err != nil || len(days) != 1 || len(days[0].Nodes) != 1000 {
		t.Errorf("%d days, %v", len(days), err)
	}
}

// spoil changes an entry's item in the table, and is how to undo it.
func spoil(t *testing.T, tables *dynamotest.Tables, account string, entry ledger.Entry, change func(map[string]types.AttributeValue)) (repair func()) {
	t.Helper()
	key := map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "A#" + account + "#" + string(entry.Operation)}, "sk": &types.AttributeValueMemberS{Value: "E"},
	}
	read := func() map[string]types.AttributeValue {
		out, err := tables.DB.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tables.Names.Ledger, Key: key, ConsistentRead: aws.Bool(true)})
		if err != nil || len(out.Item) == 0 {
			t.Fatalf("entry %d: %v, %v", entry.Seq, out, err)
		}
		return out.Item
	}
	write := func(item map[string]types.AttributeValue) {
		if _, err := tables.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &tables.Names.Ledger, Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	good, bad := read(), read()
	change(bad)
	write(bad)
	return func() { write(good) }
}

func quarantined(t *testing.T, client *dynamotest.Client) []string {
	t.Helper()
	accounts, err := client.Quarantined(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return accounts
}

func TestAnEntryThatCannotBeFoldedStopsItsAccountUntilRepairAndRebuild(t *testing.T) {
	tables := dynamotest.NewTables(t)
	client := tables.Client
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	tooMuch := func(item map[string]types.AttributeValue) {
		line := func() types.AttributeValue {
			return &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
				"n": text("n"), "a": text("run"), "c": &types.AttributeValueMemberN{Value: fmt.Sprint(int64(credit.Max))},
			}}
		}
		detail, isMap := item["db"].(*types.AttributeValueMemberM)
		if !isMap {
			t.Fatal("the entry has no detail")
		}
		detail.Value["l"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{line(), line()}}
	}
	for name, change := range map[string]func(map[string]types.AttributeValue){
		"unreadable":         func(item map[string]types.AttributeValue) { item["db"] = text("not a map") },
		"of-another-type":    func(item map[string]types.AttributeValue) { item["t"] = text("lease") },
		"without-its-detail": func(item map[string]types.AttributeValue) { delete(item, "db") },
		"more-than-can-be":   tooMuch,
		"a-number-too-large": func(item map[string]types.AttributeValue) { item["c"] = &types.AttributeValueMemberN{Value: "1e30"} },
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := wide(name, 6, 2, same), wide("good-"+name, 3, 2, same)
			enter(t, client, name, bad)
			enter(t, client, "good-"+name, good)
			repair := spoil(t, tables, name, bad[3], change)
			for range 2 {
				if result := catchUp(t, client, name, 6); !result.Quarantined {
					t.Fatalf("got %+v", result)
				}
			}
			mark, err := client.Mark(t.Context(), name)
			if err != nil || mark.Seq != 3 || !strings.Contains(mark.Quarantine, "entry 4") {
				t.Errorf("the mark is %+v, %v", mark, err)
			}
			holds(t, client, name, bad[:3])
			if got := quarantined(t, client); !slices.Equal(got, []string{name}) {
				t.Errorf("quarantined are %v", got)
			}
			catchUp(t, client, "good-"+name, 3)
			holds(t, client, "good-"+name, good)

			repair()
			if result, err := newFolder(client).Rebuild(t.Context(), name, 6); err != nil || result.Quarantined {
				t.Fatalf("rebuilt: %+v, %v", result, err)
			}
			holds(t, client, name, bad)
			if got := quarantined(t, client); len(got) != 0 {
				t.Errorf("after the rebuild, quarantined are %v", got)
			}
		})
	}
}

// An entry that cannot be read, behind one that the index does not show yet, is
// not the next one: the account waits.
func TestAnUnreadableEntryBehindAHoleIsNotTheNext(t *testing.T) {
	tables := dynamotest.NewTables(t)
	entries := wide("acme", 3, 1, same)
	enter(t, tables.Client, "acme", entries)
	spoil(t, tables, "acme", entries[2], func(item map[string]types.AttributeValue) { item["db"] = &types.AttributeValueMemberS{Value: "x"} })
	for _, c := range []struct {
		after      int64
		shown      int
		unfoldable bool
	}{{0, 2, false}, {1, 1, false}, {2, 0, true}} {
		shown, err := tables.EntriesAfter(t.Context(), "acme", c.after, 10)
		if len(shown) != c.shown || (err != nil) != c.unfoldable {
			t.Errorf("after %d: %d entries, %v", c.after, len(shown), err)
		}
	}
	spoil(t, tables, "acme", entries[1], func(item map[string]types.AttributeValue) { delete(item, "n"); delete(item, "w") })
	if shown, err := tables.EntriesAfter(t.Context(), "acme", 1, 10); len(shown) != 0 || err != nil {
		t.Errorf("after 1, with a hole at 2: %d entries, %v", len(shown), err)
	}
}

func TestAQuarantineIsLiftedOnlyByWhoKnowsOfIt(t *testing.T) {
	client := dynamotest.NewClient(t)
	move := func(from, to usage.Mark) bool {
		t.Helper()
		moved, err := client.MoveMark(t.Context(), "acme", from, to)
		if err != nil {
			t.Fatal(err)
		}
		return moved
	}
	first, second := usage.Mark{Seq: 5}, usage.Mark{Seq: 5, Quarantine: "why"}
	for i, c := range []struct {
		from, to usage.Mark
		moved    bool
	}{
		{usage.Mark{}, first, true},
		{usage.Mark{}, first, false}, // somebody else was quicker
		{first, second, true},
		{first, second, false},
		{first, usage.Mark{Seq: 9}, false}, // read before the quarantine
		{first, usage.Mark{Epoch: 1}, false},
		{second, usage.Mark{Epoch: 1}, true},
		{second, usage.Mark{Epoch: 1}, false},
	} {
		if moved := move(c.from, c.to); moved != c.moved {
			t.Errorf("%d: moved %t", i, moved)
		}
		mark, err := client.Mark(t.Context(), "acme")
		if err != nil || c.moved && mark != c.to {
			t.Errorf("%d: the mark is %+v, %v", i, mark, err)
		}
		if listed := len(quarantined(t, client)) == 1; listed != (mark.Quarantine != "") {
			t.Errorf("%d: listed %t, the mark is %+v", i, listed, mark)
		}
	}
}

// counted is how often each request was sent since the last time.
func counted(tables *dynamotest.Tables) map[string]int {
	counts := map[string]int{}
	for _, name := range tables.Requests.Take() {
		counts[name]++
	}
	return counts
}

func TestRequestsOfARun(t *testing.T) {
	tables := dynamotest.NewTables(t)
	run := func(seq int64, runs ...*dynamotest.Tables) []map[string]int {
		var counts []map[string]int
		for _, tables := range runs {
			tables.Requests.Take()
			catchUp(t, tables.Client, "acme", seq)
			counts = append(counts, counted(tables))
		}
		return counts
	}
	const get, query, batch, update, put = "GetItem", "Query", "BatchGetItem", "UpdateItem", "PutItem"
	entries := wide("acme", 60, 3, same)
	for i := range entries {
		ledger.DetailOf[*ledger.Charge](&entries[i]).Conversation = fmt.Sprintf("c%d", i%4)
	}
	appender := &appender{client: tables.Client, account: "acme"}
	show := func(upTo int64) {
		if err := appender.append(entries[appender.seq:upTo]); err != nil {
			t.Fatal(err)
		}
	}
	show(20) // three sheets, four new conversations
	if got, want := run(20, tables)[0], (map[string]int{get: 1, query: 1, batch: 1, update: 3, put: 4 + 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("a first run: %v, want %v", got, want)
	}
	show(40) // the conversations are remembered
	if got, want := run(40, tables)[0], (map[string]int{get: 1, query: 1, update: 3, put: 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("a second run: %v, want %v", got, want)
	}
	show(60)
	if got, want := run(60, tables.Connect(t))[0], (map[string]int{get: 1, query: 1, batch: 1, update: 3, put: 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("a run of a cold environment: %v, want %v", got, want)
	}
	if got, want := run(60, tables)[0], (map[string]int{get: 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("a ring that comes again: %v, want %v", got, want)
	}
}

func TestSheetsAreReadWithOneQuery(t *testing.T) {
	tables := dynamotest.NewTables(t)
	entries := wide("acme", 3, 2, same)
	for i, day := range []string{"2026-10-31", "2026-11-01", "2026-11-02"} {
		ledger.DetailOf[*ledger.Charge](&entries[i]).Day = day
	}
	enter(t, tables.Client, "acme", entries)
	catchUp(t, tables.Client, "acme", 3)
	for name, read := range map[string]func() ([]usage.Sheet, error){
		"days": func() ([]usage.Sheet, error) { return tables.Days(t.Context(), "acme", "2026-10-31", "2026-11-01") },
		"agent days": func() ([]usage.Sheet, error) {
			return tables.AgentDays(t.Context(), "acme", "a1", "2026-11-01", "2026-11-02")
		},
		"agent months": func() ([]usage.Sheet, error) {
			return tables.LaggingAgentMonths(t.Context(), "acme", "2026-10", "2026-11")
		},
	} {
		tables.Requests.Take()
		sheets, err := read()
		if err != nil || len(sheets) != 2 {
			t.Errorf("%s: %d sheets, %v", name, len(sheets), err)
		}
		if got := counted(tables); !reflect.DeepEqual(got, map[string]int{"Query": 1}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A page is full however long its entries are, though one answer of the
// service holds at most 1 MB: else the listing would seem to be at its end.
func TestPagesOfLongEntriesAreFull(t *testing.T) {
	client := dynamotest.NewClient(t)
	entries := wide("acme", 60, 50, same)
	for i := range entries {
		ledger.DetailOf[*ledger.Charge](&entries[i]).Agent.Name = strings.Repeat("n", 25_000) // stands for many draws, each with its terms
	}
	enter(t, client, "acme", entries)
	for _, descending := range []bool{false, true} {
		got, err := client.Entries(t.Context(), "acme", ledger.Page{Limit: 60, Descending: descending})
		if err != nil || len(got) != 60 {
			t.Errorf("descending %t: %d entries, %v", descending, len(got), err)
		}
	}
}

// A rebuild finds anew which entry had a conversation first, and leaves that
// known to those who come later, in another environment.
func TestARebuildFindsConversationsAnew(t *testing.T) {
	tables := dynamotest.NewTables(t)
	entries := wide("acme", 4, 1, same)
	for i := range entries {
		ledger.DetailOf[*ledger.Charge](&entries[i]).Conversation = "c"
	}
	appender := &appender{client: tables.Client, account: "acme"}
	if err := appender.append(entries[:2]); err != nil {
		t.Fatal(err)
	}
	wrong := usage.Sighting{Conversation: usage.Conversation{Agent: "a1", ID: "c"}, Seq: 2}
	if _, err := tables.Connect(t).See(t.Context(), "acme", 0, []usage.Sighting{wrong}); err != nil {
		t.Fatal(err)
	}
	if _, err := newFolder(tables.Client).Rebuild(t.Context(), "acme", 2); err != nil {
		t.Fatal(err)
	}
	if firsts, err := tables.Connect(t).See(t.Context(), "acme", 1, []usage.Sighting{{Conversation: wrong.Conversation, Seq: 4}}); err != nil || firsts[wrong.Conversation] != 1 {
		t.Errorf("after the rebuild: %v, %v", firsts, err)
	}
	if err := appender.append(entries[2:]); err != nil {
		t.Fatal(err)
	}
	catchUp(t, tables.Connect(t).Client, "acme", 4)
	holds(t, tables.Client, "acme", entries)
}

// What an environment remembers of conversations ends with the epoch. It may make
// the rebuild itself, or go on with one that another has begun: either way it must
// leave behind, for an environment that remembers nothing, which entry had each
// conversation first.
func TestAWarmEnvironmentForgetsConversationsWithTheirEpoch(t *testing.T) {
	tables := dynamotest.NewTables(t)
	rebuild := func(t *testing.T, client *dynamotest.Client, account string) {
		if _, err := newFolder(client).Rebuild(t.Context(), account, 4); err != nil {
			t.Fatal(err)
		}
	}
	for name, rebuilt := range map[string]func(t *testing.T, warm *dynamotest.Client, account string){
		"by-itself": rebuild,
		"by-another": func(t *testing.T, _ *dynamotest.Client, account string) {
			rebuild(t, tables.Connect(t).Client, account)
		},
		"gone-on-with": func(t *testing.T, warm *dynamotest.Client, account string) {
			faults := &dynamotest.Faults{}
			begun := tables.Connect(t, dynamotest.WithFaults(faults))
			faults.Plan(func(n int, _ string) dynamotest.Fault { // the mark is read and written, and no more
				if n > 2 {
					return dynamotest.Unsent
				}
				return dynamotest.None
			})
			if _, err := newFolder(begun.Client).Rebuild(t.Context(), account, 4); err == nil {
				t.Fatal("the rebuild was not cut short")
			}
			catchUp(t, warm, account, 4)
		},
	} {
		for _, coldFirst := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, cold first %t", name, coldFirst), func(t *testing.T) {
				account := fmt.Sprintf("%s-%t", name, coldFirst)
				entries := wide(account, 8, 1, same)
				for i := range entries {
					ledger.DetailOf[*ledger.Charge](&entries[i]).Conversation = fmt.Sprintf("c%d", i%2)
				}
				appender := &appender{client: tables.Client, account: account}
				show := func(more []ledger.Entry) {
					if err := appender.append(more); err != nil {
						t.Fatal(err)
					}
				}
				show(entries[:4])
				warm := tables.Connect(t).Client
				catchUp(t, warm, account, 4)
				rebuilt(t, warm, account)
				if mark, err := warm.Mark(t.Context(), account); err != nil || mark != (usage.Mark{Epoch: 1, Seq: 4}) {
					t.Fatalf("rebuilt, the mark is %+v, %v", mark, err)
				}
				order := []*dynamotest.Client{tables.Connect(t).Client, warm}
				if !coldFirst {
					slices.Reverse(order)
				}
				for i, client := range order {
					show(entries[4+2*i : 6+2*i])
					catchUp(t, client, account, int64(6+2*i))
				}
				holds(t, tables.Client, account, entries)
			})
		}
	}
}
