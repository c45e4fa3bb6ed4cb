package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rating"
)

func TestEntriesInPages(t *testing.T) {
	client := dynamotest.NewClient(t)
	committer := committest.NewCommitter(client, atStart)
	accept(t, committer, "acme", configure("Acme"), grant("g", 100))
	for i := range 9 {
		accept(t, committer, "acme", debit(ledger.OperationID(fmt.Sprintf("op-%d", i)), 1))
	}
	// A tally lies in the same table, and is no entry.
	accept(t, committer, "acme", ledger.Keyed("back", ledger.ReverseDebit{Of: "op-0"}))
	accept(t, committer, "other", configure("Other"))
	for name, c := range map[string]struct {
		page ledger.Page
		want []int64
	}{
		"from the first":         {ledger.Page{Limit: 3}, []int64{1, 2, 3}},
		"after one":              {ledger.Page{After: 9, Limit: 5}, []int64{10, 11, 12}},
		"after the last":         {ledger.Page{After: 12, Limit: 5}, nil},
		"from the last":          {ledger.Page{Limit: 3, Descending: true}, []int64{12, 11, 10}}, // as numbers, not as texts
		"below one":              {ledger.Page{After: 3, Limit: 5, Descending: true}, []int64{2, 1}},
		"below the first":        {ledger.Page{After: 1, Limit: 5, Descending: true}, nil},
		"no more than there are": {ledger.Page{Limit: 100}, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	} {
		entries, err := client.Entries(t.Context(), "acme", c.page)
		if err != nil {
			t.Fatal(err)
		}
		var seqs []int64
		for _, entry := range entries {
			seqs = append(seqs, entry.Seq)
		}
		if !slices.Equal(seqs, c.want) {
			t.Errorf("%s: %v, want %v", name, seqs, c.want)
		}
	}
}

func TestTheProfileFollowsTheSettings(t *testing.T) {
	client := dynamotest.NewClient(t)
	if profile, err := client.Profile(t.Context(), "acme"); profile != nil || err != nil {
		t.Fatalf("before there is an account: %+v, %v", profile, err)
	}
	clock := ledgertest.Start
	committer := committest.NewCommitter(client, func() time.Time { return clock })
	first := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active, Overage: &ledger.Overage{Policy: ledger.Bill, Limit: 1}, LowBalance: 5}
	later := ledger.Settings{Name: "Acme Ltd", Zone: "Asia/Kathmandu", Status: ledger.Suspended}
	for i, settings := range []ledger.Settings{first, later} {
		clock = clock.Add(time.Duration(i) * time.Hour)
		accept(t, committer, "acme", ledger.Command{Action: ledger.Configure{Settings: settings}})
		want := ledger.Profile{Account: "acme", Settings: settings, CreatedAt: ledgertest.Start, UpdatedAt: clock}
		got, err := client.Profile(t.Context(), "acme")
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("profile %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestAccountsAreListedByID(t *testing.T) {
	client := dynamotest.NewClient(t)
	committer := committest.NewCommitter(client, atStart)
	for _, id := range []string{"b", "c", "a"} {
		accept(t, committer, id, configure(id))
	}
	for _, c := range []struct {
		after string
		limit int
		want  []string
	}{{"", 2, []string{"a", "b"}}, {"b", 2, []string{"c"}}, {"c", 2, nil}} {
		profiles, err := client.Profiles(t.Context(), c.after, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, profile := range profiles {
			ids = append(ids, profile.Account)
		}
		if !slices.Equal(ids, c.want) {
			t.Errorf("after %q: %v, want %v", c.after, ids, c.want)
		}
	}
}

func TestAPIKeys(t *testing.T) {
	client := dynamotest.NewClient(t)
	now := ledgertest.Start
	one, token := access.NewKey("runtime", []access.Scope{access.Debit, access.Read}, "acme", now)
	two, _ := access.NewKey("", []access.Scope{access.Admin}, "", now)
	for _, key := range []access.Key{one, two} {
		if err := client.AddKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.AddKey(t.Context(), access.Key{ID: one.ID}); err == nil {
		t.Error("a key was replaced")
	}
	got, err := client.Key(t.Context(), one.ID)
	if err != nil || !reflect.DeepEqual(*got, one) || !got.Opens(token) {
		t.Errorf("key %+v, %v; want %+v", got, err, one)
	}
	listed, err := client.Keys(t.Context(), "", 10)
	if err != nil || len(listed) != 2 || listed[0].ID >= listed[1].ID {
		t.Errorf("listed %+v, %v", listed, err)
	}
	for _, at := range []time.Time{now.Add(time.Hour), now.Add(2 * time.Hour)} { // the first revocation stands
		if found, err := client.RevokeKey(t.Context(), one.ID, at); !found || err != nil {
			t.Errorf("revoked: %t, %v", found, err)
		}
		revoked, err := client.Key(t.Context(), one.ID)
		if err != nil || !revoked.RevokedAt.Equal(now.Add(time.Hour)) || revoked.Opens(token) {
			t.Errorf("revoked key %+v, %v", revoked, err)
		}
	}
	for _, id := range []string{"unknown", "unknown2"} {
		if found, err := client.RevokeKey(t.Context(), id, now); found || err != nil {
			t.Errorf("an unknown key was revoked: %t, %v", found, err)
		}
		if key, err := client.Key(t.Context(), id); key != nil || err != nil {
			t.Errorf("an unknown key: %+v, %v", key, err)
		}
	}
}

func TestRateCardsArePublishedOnce(t *testing.T) {
	client := dynamotest.NewClient(t)
	cards := ledgertest.Cards()
	publish := func(card rating.Card, first, want bool) {
		t.Helper()
		if published, err := client.PublishRateCard(t.Context(), card, first); published != want || err != nil {
			t.Errorf("card %s, first %t: published %t, %v", card.Version, first, published, err)
		}
	}
	publish(cards[0], true, true)
	publish(cards[1], true, false) // it was read as the first one, and is not
	publish(cards[1], false, true)
	changed := cards[1]
	changed.Rates = changed.Rates[:1]
	publish(changed, false, false)
	for _, want := range cards {
		got, err := client.RateCard(t.Context(), want.Version)
		if err != nil || got == nil || !got.Equal(want) {
			t.Errorf("card %+v, %v; want %+v", got, err, want)
		}
	}
	if card, err := client.RateCard(t.Context(), "unknown"); card != nil || err != nil {
		t.Errorf("an unknown card: %+v, %v", card, err)
	}
	book, err := client.ReadBook(t.Context())
	if err != nil || len(book.Cards()) != len(cards) || !book.Cards()[1].Equal(cards[1]) {
		t.Errorf("book %+v, %v", book, err)
	}
}

// A book that is kept never hides a card that is in force.
func TestRatesAreReadAgainInTime(t *testing.T) {
	// A card may have been on its way this long when the book was read.
	const publication = 11 * time.Second
	// What is promised: cards start two minutes ahead, and a book is kept for 60 s.
	const ahead, kept = 2 * time.Minute, 60 * time.Second
	now := ledgertest.Start
	reads := 0
	var failure error
	rates := dynamo.NewRates(func(context.Context) (rating.Book, error) {
		reads++
		return rating.NewBook(ledgertest.Cards()), failure
	}, func() time.Time { return now })
	for _, c := range []struct {
		name       string
		age, until time.Duration // since the first read; of the debit, from then on
		reads      int
	}{
		{"first", 0, 0, 1},
		{"kept", kept - time.Millisecond, 0, 1},
		{"a debit ahead, still known", kept - time.Millisecond, ahead - publication - time.Millisecond, 1},
		{"a debit too far ahead", kept - time.Millisecond, ahead - publication, 2},
		{"old", 2*kept - time.Millisecond, 0, 3},
	} {
		now = ledgertest.Start.Add(c.age)
		if _, err := rates.Book(t.Context(), ledgertest.Start.Add(c.until)); err != nil || reads != c.reads {
			t.Errorf("%s: %d reads, want %d; %v", c.name, reads, c.reads, err)
		}
	}
	failure = errors.New("down")
	now = now.Add(time.Hour)
	if _, err := rates.Book(t.Context(), now); !errors.Is(err, failure) {
		t.Errorf("an old book passes for a new one: %v", err)
	}
}

// Two environments: whenever one has read its book, and however long a card that
// the other publishes has been on its way meanwhile, the first prices by that card
// what happens from the instant of its effect on.
func TestAWarmEnvironmentKnowsACardWhenItIsInForce(t *testing.T) {
	tables := dynamotest.NewTables(t)
	cards := ledgertest.Cards()
	book := func() rating.Book {
		read, err := tables.Connect(t).ReadBook(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	publish := func(card rating.Card, first bool) {
		if published, err := tables.PublishRateCard(t.Context(), card, first); err != nil || !published {
			t.Fatal(published, err)
		}
	}
	publish(cards[0], true)
	checked := ledgertest.Start
	second := cards[1]
	second.EffectiveAt, second.PublishedAt = checked.Add(rating.LeadTime), checked
	if err := book().Publish(second, checked); err != nil {
		t.Fatal(err)
	}
	before := book()
	publish(second, false)
	after := book()
	const longest, step = 10 * time.Second, 5 * time.Second // a function may run, and so a card be on its way
	for _, there := range []time.Time{checked, checked.Add(longest)} {
		for read := there.Add(-2 * rating.LeadTime); !read.After(there); read = read.Add(step) {
			for now := there; now.Before(second.EffectiveAt.Add(time.Minute)); now = now.Add(step) {
				for at := now; !at.After(now.Add(ledgertest.Rules().MaxAhead)); at = at.Add(step) {
					card := pricedBy(t, read, now, at, before, after)
					if (card == second.Version) != !at.Before(second.EffectiveAt) {
						t.Fatalf("a book that was read %s after the check, the card there %s after it: %s after it, what happens at %s is priced by %q",
							read.Sub(checked), there.Sub(checked), now.Sub(checked), at.Sub(checked), card)
					}
				}
			}
		}
	}
}

// pricedBy is the card by which an environment that has read one book at an
// instant, and would read another by now, prices what happens at some time.
func pricedBy(t *testing.T, read, now, at time.Time, known, current rating.Book) string {
	t.Helper()
	clock, book := read, known
	rates := dynamo.NewRates(func(context.Context) (rating.Book, error) { return book, nil }, func() time.Time { return clock })
	if _, err := rates.Book(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	clock, book = now, current
	got, err := rates.Book(t.Context(), at)
	card, found := got.At(at)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	return card.Version
}

func TestAnEmptyBookIsNotKept(t *testing.T) {
	reads := 0
	rates := dynamo.NewRates(func(context.Context) (rating.Book, error) { reads++; return rating.Book{}, nil }, atStart)
	for want := 1; want <= 2; want++ { // the first card may come at any time
		if _, err := rates.Book(t.Context(), ledgertest.Start); err != nil || reads != want {
			t.Errorf("%d reads, %v", reads, err)
		}
	}
}

// The stream is the roll-up's bell: it exists where it is asked for.
func TestTablesAsDesigned(t *testing.T) {
	tables := dynamotest.NewTables(t, dynamotest.WithStream())
	committer := committest.NewCommitter(tables.Client, atStart)
	accept(t, committer, "acme", configure("Acme"), grant("g", 1))
	outcome := committer.Do(t.Context(), "acme", debit("op", 1))
	if outcome.Err != nil || ledger.DetailOf[*ledger.Charge](outcome.Entry).Overage != credit.Credit/2 {
		t.Errorf("outcome %+v", outcome)
	}
	var _ commit.Store = tables.Client
	streamed := 0
	for _, table := range dynamo.Schema() {
		if table.Stream {
			streamed++
		}
	}
	if streamed != 1 || !dynamo.WalletsTable.Stream {
		t.Errorf("%d tables are streamed", streamed)
	}
}
