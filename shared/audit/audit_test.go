package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/audit"
	"drawdown/shared/census"
	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/memory"
	"drawdown/shared/rating"
	"drawdown/shared/rollup"
	"drawdown/shared/usage"
)

// books is all that is kept of accounts.
type books interface {
	audit.Store
	rollup.Store
	commit.Store
}

// inMemory is books in memory.
type inMemory struct {
	*memory.Usage
	*memory.Store
}

func newBooks() inMemory {
	store := &memory.Store{}
	return inMemory{&memory.Usage{Entries: store.Entries}, store}
}

func (m inMemory) Entries(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error) {
	return m.Store.Entries(ctx, account, after, limit)
}

func (m inMemory) Wallet(ctx context.Context, account string) (*ledger.Wallet, error) {
	snapshot, err := m.Read(ctx, account, nil, "")
	return snapshot.Wallet, err
}

func (m inMemory) See(ctx context.Context, account string, epoch int64, sightings []usage.Sighting) (map[usage.Conversation]int64, error) {
	return m.Usage.See(ctx, account, epoch, sightings)
}

var _ books = inMemory{}
var _ books = (*dynamotest.Client)(nil)

// crashing is a store of usage that makes no more writes after a number of them.
type crashing struct {
	rollup.Store
	left atomic.Int64
}

var errCrashed = errors.New("crashed")

func (c *crashing) Add(ctx context.Context, account string, epoch int64, delta usage.Delta) (rollup.Standing, error) {
	if c.left.Add(-1) < 0 {
		return rollup.Standing{}, errCrashed
	}
	return c.Store.Add(ctx, account, epoch, delta)
}

func (c *crashing) MoveMark(ctx context.Context, account string, from, to usage.Mark) (bool, error) {
	if c.left.Add(-1) < 0 {
		return false, errCrashed
	}
	return c.Store.MoveMark(ctx, account, from, to)
}

func newFolder(store rollup.Store, page int) *rollup.Folder {
	return &rollup.Folder{Store: store, Now: time.Now, Page: page, IndexWait: rollup.DefaultIndexWait}
}

// life is a random history of an account.
type life struct {
	t       *rapid.T
	did     *census.Census
	store   books
	account string
	history *ledgertest.History
	next    ledgertest.Step
}

// live runs a random history, folding it now and then, at times only half way.
func live(t *rapid.T, did *census.Census, store books, account string) *life {
	l := &life{t: t, did: did, store: store, account: account, history: &ledgertest.History{}}
	l.next = l.history.Open(t)
	for range 1 + ledgertest.OneOf(t, 30, "steps") {
		l.step()
		if rapid.IntRange(0, 3).Draw(t, "fold?") == 0 {
			foldSome(t, did, store, account)
		}
		if rapid.IntRange(0, 7).Draw(t, "audit?") == 0 {
			clean(t, did, store, account)
		}
	}
	clean(t, did, store, account)
	return l
}

func (l *life) step() {
	now := l.next.Now
	committer := committest.NewCommitter(l.store, func() time.Time { return now })
	for i, outcome := range committer.Run(context.Background(), l.account, l.next.Commands...) {
		answer, err := ledgertest.AnswerTo(outcome.Entry, outcome.Replayed, outcome.Err)
		if err != nil {
			l.t.Fatal(err)
		}
		ledgertest.Count(l.did, l.next.Commands[i], answer)
	}
	l.next = l.history.Next(l.t)
}

func foldSome(t *rapid.T, did *census.Census, store books, account string) {
	wallet, err := store.Wallet(context.Background(), account)
	if err != nil || wallet == nil {
		return
	}
	crashed := &crashing{Store: store}
	crashed.left.Store(rapid.Int64Range(0, 12).Draw(t, "writes before a crash"))
	folder := newFolder(crashed, rapid.SampledFrom([]int{1, 3, 100}).Draw(t, "page"))
	run := folder.CatchUp
	if rapid.IntRange(0, 4).Draw(t, "rebuild?") == 0 {
		run = folder.Rebuild
	}
	result, err := run(context.Background(), account, wallet.Seq)
	if err != nil && !errors.Is(err, errCrashed) || result.Quarantined {
		t.Fatalf("folding: %+v, %v", result, err)
	}
	did.Count("folds")
	did.CountIf(err != nil, "folds cut short")
}

func clean(t *rapid.T, did *census.Census, store books, account string) {
	wallet, err := store.Wallet(context.Background(), account)
	if err != nil {
		t.Fatal(err)
	}
	result, err := audit.Run(context.Background(), store, account, time.Now())
	if wallet == nil {
		if fault.CodeOf(err) != fault.AccountNotFound {
			t.Fatalf("of no account: %v", err)
		}
		return
	}
	if err != nil || !result.Clean() {
		t.Fatalf("not clean: %v, %+v", err, result.Drift)
	}
	var entries int64
	for _, count := range result.Entries {
		entries += count
	}
	did.Count("audits")
	did.CountIf(result.Behind > 0, "audits while usage is behind")
	did.CountIf(result.Balance.Available > 0, "audits of a balance")
	if result.Seq != wallet.Seq || entries != wallet.Seq || result.Behind != wallet.Seq-result.Mark.Seq || result.Balance != wallet.BalanceAt(wallet.LastAt) {
		t.Fatalf("the proof is %+v of a wallet at %d", result, wallet.Seq)
	}
}

// auditFloors are what 100 audited histories come to at the least.
var auditFloors = census.Floors{
	"audits": 150, "audits of a balance": 60, "audits while usage is behind": 100, "folds": 150, "folds cut short": 50,
	"debits accepted": 30, "debits refused": 30, "debits with overage": 2, "entries of a reversal": 2, "entries that let a grant lapse": 15,
}

func TestRandomHistoriesAreClean(t *testing.T) {
	committest.Bound(t, 300)
	census.Check(t, auditFloors, func(t *rapid.T, did *census.Census) { live(t, did, newBooks(), "acme") })
}

func TestRandomHistoriesAreCleanInTheTables(t *testing.T) {
	committest.Bound(t, 10)
	client := dynamotest.NewClient(t)
	next := 0
	census.Check(t, auditFloors, func(t *rapid.T, did *census.Census) {
		next++
		live(t, did, client, fmt.Sprintf("acme-%d", next))
	})
}

// settled is books of an account with a bit of everything, folded up to its end.
func settled(t *testing.T) inMemory {
	t.Helper()
	store := newBooks()
	settle(t, store)
	return store
}

func settle(t *testing.T, store books) {
	t.Helper()
	settings := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active, Overage: &ledger.Overage{Policy: ledger.Bill, Limit: 5 * credit.Credit}}
	accept(t, store, ledgertest.Start,
		ledger.Command{Action: ledger.Configure{Settings: settings}}, // 1
		ledger.Keyed("grant", ledger.AddGrant{Amount: 100 * credit.Credit, Source: ledger.FromPromo}),
		debit("d3", "a1", "c1"), debit("d4", "a1", "c1"),
		ledger.Keyed("back", ledger.ReverseDebit{Of: "d3"}),
		ledger.Keyed("more", ledger.AddGrant{Amount: credit.Credit, Source: ledger.FromPurchase}),
		debit("d7", "a1", "c2"),
		ledger.Keyed("last", ledger.AddGrant{Amount: credit.Credit, Source: ledger.FromPromo}), // 8
	)
	if _, err := newFolder(store, 100).CatchUp(t.Context(), "acme", 8); err != nil {
		t.Fatal(err)
	}
}

// behind is settled and two debits more, 9 and 10, which are not folded yet: one
// belongs to existing sheets, one also to sheets that do not exist yet.
func behind(t *testing.T) inMemory {
	t.Helper()
	store := settled(t)
	fallBehind(t, store)
	return store
}

func fallBehind(t *testing.T, store books) {
	t.Helper()
	accept(t, store, ledgertest.Start.Add(time.Hour), debit("d9", "a1", "c2"), debit("d10", "a2", "c3"))
}

// accept runs commands one by one, a minute apart, which must be accepted.
func accept(t *testing.T, store books, from time.Time, commands ...ledger.Command) {
	t.Helper()
	now := from
	committer := committest.NewCommitter(store, func() time.Time { now = now.Add(time.Minute); return now })
	for _, command := range commands {
		if outcome := committer.Run(t.Context(), "acme", command)[0]; outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
	}
}

func debit(id ledger.OperationID, agent, conversation string) ledger.Command {
	return ledger.Keyed(id, ledger.Debit{
		Agent: ledger.Agent{ID: agent, Name: "Helper"}, Channel: "api", Conversation: conversation, Messages: 2,
		Lines: []rating.Line{{Item: rating.Item{Node: "ai_reply", Action: "run"}, Quantity: 2 * credit.Credit}},
	})
}

// altered shows stored things other than they are.
type altered struct {
	audit.Store
	wallet  func(*ledger.Wallet)
	mark    func(*usage.Mark)
	sheet   func(*usage.Sheet)
	sheets  func([]usage.Sheet) []usage.Sheet
	entry   func(*ledger.Entry)
	entries func(after int64) error
}

func (a altered) Wallet(ctx context.Context, account string) (*ledger.Wallet, error) {
	wallet, err := a.Store.Wallet(ctx, account)
	if a.wallet != nil {
		a.wallet(wallet)
	}
	return wallet, err
}

func (a altered) Mark(ctx context.Context, account string) (usage.Mark, error) {
	mark, err := a.Store.Mark(ctx, account)
	if a.mark != nil {
		a.mark(&mark)
	}
	return mark, err
}

func (a altered) AllSheets(ctx context.Context, account string) ([]usage.Sheet, error) {
	sheets, err := a.Store.AllSheets(ctx, account)
	for i := range sheets {
		if a.sheet != nil {
			a.sheet(&sheets[i])
		}
	}
	if a.sheets != nil {
		sheets = a.sheets(sheets)
	}
	return sheets, err
}

func (a altered) EntriesAfter(ctx context.Context, account string, seq int64, limit int) ([]ledger.Entry, error) {
	if a.entries != nil {
		if err := a.entries(seq); err != nil {
			return nil, err
		}
		limit = 1
	}
	entries, err := a.Store.EntriesAfter(ctx, account, seq, limit)
	for i := range entries {
		if a.entry != nil {
			a.entry(&entries[i])
		}
	}
	return entries, err
}

const day = "2026-11-01"

// of alters one kind of sheets.
func of(kind usage.Kind, change func(*usage.Sheet)) altered {
	return altered{sheet: func(s *usage.Sheet) {
		if s.Kind == kind {
			change(s)
		}
	}}
}

// atDebit alters the fourth entry, a debit; what it points to is copied, since
// the store still has it.
func atDebit(change func(*ledger.Entry)) altered {
	return altered{entry: func(e *ledger.Entry) {
		if e.Seq != 4 {
			return
		}
		if charge := ledger.DetailOf[*ledger.Charge](e); charge != nil {
			detail := *charge
			detail.Lines = slices.Clone(detail.Lines)
			e.Detail = &detail
		}
		change(e)
	}}
}

func without(kind usage.Kind) altered {
	return altered{sheets: func(sheets []usage.Sheet) []usage.Sheet {
		return slices.DeleteFunc(sheets, func(s usage.Sheet) bool { return s.Kind == kind })
	}}
}

func aWallet(change func(*ledger.Wallet)) altered { return altered{wallet: change} }
func aMark(change func(*usage.Mark)) altered      { return altered{mark: change} }

func TestEveryCorruptionIsFoundAndNamed(t *testing.T) {
	item := rating.Item{Node: "ai_reply", Action: "run"}
	for name, c := range map[string]struct {
		altered
		where string
	}{
		"wallet's name":         {aWallet(func(w *ledger.Wallet) { w.Settings.Name = "X" }), "wallet name"},
		"wallet's zone":         {aWallet(func(w *ledger.Wallet) { w.Settings.Zone = "Asia/Kathmandu" }), "wallet time_zone"},
		"wallet's status":       {aWallet(func(w *ledger.Wallet) { w.Settings.Status = ledger.Suspended }), "wallet status"},
		"wallet's threshold":    {aWallet(func(w *ledger.Wallet) { w.Settings.LowBalance++ }), "wallet low_balance_threshold"},
		"wallet's policy":       {aWallet(func(w *ledger.Wallet) { w.Settings.Overage = nil }), "wallet overage"},
		"wallet's overage":      {aWallet(func(w *ledger.Wallet) { w.OverageUsed++ }), "wallet overage_used"},
		"wallet's time":         {aWallet(func(w *ledger.Wallet) { w.LastAt = w.LastAt.Add(1) }), "wallet last_at"},
		"wallet set back":       {aWallet(func(w *ledger.Wallet) { w.Seq = 7 }), "usage mark"},
		"grant's remainder":     {aWallet(func(w *ledger.Wallet) { w.Grants[0].Remaining++ }), "wallet grant g2"},
		"grant's priority":      {aWallet(func(w *ledger.Wallet) { w.Grants[0].Priority++ }), "wallet grant g2"},
		"grant's expiry":        {aWallet(func(w *ledger.Wallet) { w.Grants[0].ExpiresAt = time.Now() }), "wallet grant g2"},
		"grant lost":            {aWallet(func(w *ledger.Wallet) { w.Grants = w.Grants[1:] }), "wallet grant g2"},
		"grant made up":         {aWallet(func(w *ledger.Wallet) { w.Grants = append(w.Grants, ledger.Grant{ID: "g99"}) }), "wallet grant g99"},
		"day's credits":         {of(usage.AccountDay, func(s *usage.Sheet) { s.Credits++ }), "usage account_day " + day + " credits"},
		"day's debits":          {of(usage.AccountDay, func(s *usage.Sheet) { s.Debits++ }), "usage account_day " + day + " debits"},
		"day's messages":        {of(usage.AgentDay, func(s *usage.Sheet) { s.Messages++ }), "usage agent_day a1 " + day + " messages"},
		"day's conversations":   {of(usage.AgentDay, func(s *usage.Sheet) { s.Conversations-- }), "usage agent_day a1 " + day + " conversations"},
		"month's column":        {of(usage.AgentMonth, func(s *usage.Sheet) { s.Days[day] = usage.Counts{} }), "usage agent_month a1 2026-11 " + day + " credits"},
		"channel's credits":     {of(usage.AccountDay, func(s *usage.Sheet) { s.Channels["fax"] = 1 }), "usage account_day " + day + " channel fax"},
		"node's quantity":       {of(usage.AccountDay, func(s *usage.Sheet) { s.Nodes[item] = usage.NodeCounts{} }), "usage account_day " + day + " ai_reply/run quantity"},
		"agent's name":          {of(usage.AgentMonth, func(s *usage.Sheet) { s.Name = "X" }), "usage agent_month a1 2026-11 name"},
		"day missing":           {without(usage.AccountDay), "usage account_day " + day + ".upto"},
		"agent's month missing": {without(usage.AgentMonth), "usage agent_month a1 2026-11.upto"},
		"sheet of a later epoch": {altered{sheets: func(sheets []usage.Sheet) []usage.Sheet {
			return append(sheets, usage.Sheet{Key: usage.Key{Kind: usage.AgentDay, Agent: "a2", Period: day}, Epoch: 7, Upto: 10})
		}}, "usage agent_day a2 " + day},
		"sheet of no epoch":   {of(usage.AgentDay, func(s *usage.Sheet) { s.Epoch = -1 }), "usage agent_day a1 " + day + ".upto"},
		"upto set back":       {of(usage.AccountDay, func(s *usage.Sheet) { s.Upto = 4 }), "usage account_day " + day + ".upto"},
		"upto moved ahead":    {of(usage.AccountDay, func(s *usage.Sheet) { s.Upto = 8 }), "usage account_day " + day + ".upto"},
		"upto beyond the end": {of(usage.AccountDay, func(s *usage.Sheet) { s.Upto = 1000 }), "usage account_day " + day + ".upto"},
		"sheet made up": {altered{sheets: func(sheets []usage.Sheet) []usage.Sheet {
			return append(sheets, usage.Sheet{Key: usage.Key{Kind: usage.AccountDay, Period: "2020-01-01"}, Upto: 3})
		}}, "usage account_day 2020-01-01.upto"},
		"mark beyond the end":   {aMark(func(m *usage.Mark) { m.Seq = 99 }), "usage mark"},
		"mark of another epoch": {aMark(func(m *usage.Mark) { m.Epoch = 1 }), "usage account_day " + day + ".upto"},
		"quarantine":            {aMark(func(m *usage.Mark) { m.Quarantine = "why" }), "usage mark"},
		"entry's credits":       {atDebit(func(e *ledger.Entry) { e.Credits++ }), "usage account_day " + day + " credits"},
		"entry's balance":       {atDebit(func(e *ledger.Entry) { e.After.Available++ }), "ledger entry 4"},
		"entry's change":        {atDebit(func(e *ledger.Entry) { e.Change++ }), "ledger entry 4"},
		"entry's draws":         {atDebit(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Drawn = nil }), "ledger entry 4"},
		"entry's type":          {atDebit(func(e *ledger.Entry) { e.Detail = &ledger.Unknown{Kind: ledger.GrantEntry} }), "ledger entry 4"},
		"entry's account":       {atDebit(func(e *ledger.Entry) { e.Account = "other" }), "ledger entry 4"},
		"entry's messages":      {atDebit(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Messages++ }), "usage account_day " + day + " messages"},
		"entry's day":           {atDebit(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Day = "2026-11-02" }), "usage account_day 2026-11-02.upto"},
		"entry's channel":       {atDebit(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Channel = "fax" }), "usage account_day " + day + " channel fax"},
		"entry's quantity":      {atDebit(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Lines[0].Quantity++ }), "usage account_day " + day + " ai_reply/run quantity"},
		"entry unfoldable":      {atDebit(func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Day = "soon" }), "usage of entry 4"},
		"entry unreadable": {altered{entries: func(after int64) error {
			if after == 3 {
				return &usage.Unfoldable{Seq: 4, Reason: "garbage"}
			}
			return nil
		}}, "ledger entry 4"},
	} {
		isNamed(t, name, c.altered, c.where)
	}
}

// isNamed fails unless the audit names a place where what it is shown is altered,
// with usage folded up to the ledger's end, and with usage behind.
func isNamed(t *testing.T, name string, altered altered, where string) {
	t.Helper()
	for usageIs, store := range map[string]inMemory{"folded": settled(t), "behind": behind(t)} {
		if result, err := audit.Run(t.Context(), store, "acme", time.Now()); err != nil || !result.Clean() || result.Sheets != 3 || (result.Behind > 0) != (usageIs == "behind") {
			t.Fatalf("%s, before: %+v, %v", usageIs, result, err)
		}
		altered.Store = store
		result, err := audit.Run(t.Context(), altered, "acme", time.Now())
		if err != nil {
			t.Errorf("%s, %s: %v", usageIs, name, err)
			continue
		}
		named := slices.ContainsFunc(result.Drift, func(d audit.Drift) bool { return d.Where == where && d.Ledger != d.Stored })
		if result.Clean() || !named {
			t.Errorf("%s, %s: %q is not named: %+v", usageIs, name, where, result.Drift)
		}
	}
}

// A mark that is moved ahead hides entries from every run to come.
func TestAMarkMovedAheadIsFound(t *testing.T) {
	store := newBooks()
	now := ledgertest.Start
	committer := committest.NewCommitter(store, func() time.Time { return now })
	committer.Run(t.Context(), "acme", ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Zone: "UTC", Status: ledger.Active}}})
	committer.Run(t.Context(), "acme", ledger.Keyed("free", ledger.Debit{
		Agent: ledger.Agent{ID: "a1"}, Channel: "api", Lines: []rating.Line{{Item: rating.Item{Node: "free", Action: "run"}, Quantity: 1}},
	}))
	if moved, err := store.MoveMark(t.Context(), "acme", usage.Mark{}, usage.Mark{Seq: 2}); !moved || err != nil {
		t.Fatal(moved, err)
	}
	result, err := audit.Run(t.Context(), store, "acme", time.Now())
	if err != nil || len(result.Drift) != 3 || !strings.HasSuffix(result.Drift[0].Where, ".upto") {
		t.Errorf("got %+v, %v", result, err)
	}
}

// rebuilding lets a rebuild go by between the reading of the mark and of the sheets.
type rebuilding struct {
	inMemory
	once func()
}

func (r *rebuilding) AllSheets(ctx context.Context, account string) ([]usage.Sheet, error) {
	if r.once != nil {
		r.once()
		r.once = nil
	}
	return r.inMemory.AllSheets(ctx, account)
}

func TestARebuildMeanwhileIsNoDrift(t *testing.T) {
	for _, writes := range []int64{1, 2, 3, 100} { // the rebuild's mark, and so many sheets
		store := settled(t)
		half := &crashing{Store: store}
		half.left.Store(writes)
		racing := &rebuilding{store, func() { _, _ = newFolder(half, 100).Rebuild(t.Context(), "acme", 8) }} // it may crash
		result, err := audit.Run(t.Context(), racing, "acme", time.Now())
		if err != nil || !result.Clean() {
			t.Errorf("after %d writes of a rebuild: %v, %+v", writes, err, result.Drift)
		}
		if mark, _ := store.Mark(t.Context(), "acme"); mark.Epoch != 1 {
			t.Error("there was no rebuild")
		}
	}
}

// wrong is how a sheet is altered.
type wrong struct {
	name    string
	content usage.Content
	ahead   int64 // how far its upto is moved
}

func wrongs(key usage.Key) []wrong {
	return []wrong{
		{"credits", usage.Content{Counts: usage.Counts{Credits: 1}}, 0},
		{"debits", usage.Content{Counts: usage.Counts{Debits: -1}}, 0},
		{"conversations", usage.Content{Counts: usage.Counts{Conversations: 1}}, 0},
		{"a day's messages", usage.Content{Days: map[string]usage.Counts{day: {Messages: 3}}}, 0},
		{"a channel's credits", usage.Content{Channels: map[string]credit.Amount{"fax": -2}}, 0},
		{"a node's quantity", usage.Content{Nodes: map[rating.Item]usage.NodeCounts{{Node: "ai_reply", Action: "run"}: {Quantity: 1}}}, 0},
		{"the name", usage.Content{Name: "nobody " + key.Agent}, 0},
		{"upto", usage.Content{}, 1_000_000},
	}
}

// nameTheWrong runs a random history, folds it up to somewhere, perhaps only half
// way, and alters one sheet: the audit names that sheet and no other, however far
// the mark is. Before that nothing is named, since what is late is not wrong.
func nameTheWrong(t *rapid.T, did *census.Census, store books, account string) {
	lived := live(t, did, store, account)
	mark, sheets := folded(t, store, account)
	for range 50 { // until there is use
		if len(sheets) > 0 {
			break
		}
		lived.step()
		foldSome(t, did, store, account)
		mark, sheets = folded(t, store, account)
	}
	for range rapid.IntRange(0, 10).Draw(t, "steps behind") {
		lived.step()
	}
	clean(t, did, store, account)
	if len(sheets) == 0 {
		return
	}
	slices.SortFunc(sheets, func(a, b usage.Sheet) int { return strings.Compare(a.String(), b.String()) })
	sheet := rapid.SampledFrom(sheets).Draw(t, "sheet")
	how := rapid.SampledFrom(wrongs(sheet.Key)).Draw(t, "wrong")
	delta := usage.Delta{Key: sheet.Key, First: sheet.Upto + 1, Last: sheet.Upto + how.ahead, Content: how.content}
	if standing, err := store.Add(context.Background(), account, sheet.Epoch, delta); err != nil || !standing.Added {
		t.Fatalf("altering %v: %+v, %v", sheet.Key, standing, err)
	}
	result, err := audit.Run(context.Background(), store, account, time.Now())
	if err != nil || result.Clean() {
		t.Fatalf("%s of %v is wrong and not named: %+v, %v", how.name, sheet, result, err)
	}
	for _, drift := range result.Drift {
		where := "usage " + sheet.String()
		if !strings.HasPrefix(drift.Where, where+" ") && drift.Where != where+".upto" {
			t.Fatalf("%s of %v is wrong, and named is %+v", how.name, sheet.Key, drift)
		}
	}
	did.Count("sheets altered")
	did.CountIf(result.Behind > 0, "sheets altered while usage is behind")
	did.CountIf(sheet.Upto > mark.Seq, "sheets altered ahead of the mark")
	did.CountIf(mark.Rebuild != 0, "sheets altered during a rebuild")
}

// folded is the mark of an account and its sheets, those that a rebuild has not
// replaced yet left out.
func folded(t *rapid.T, store books, account string) (usage.Mark, []usage.Sheet) {
	mark, err := store.Mark(context.Background(), account)
	if err != nil {
		t.Fatal(err)
	}
	sheets, err := store.AllSheets(context.Background(), account)
	if err != nil {
		t.Fatal(err)
	}
	return mark, slices.DeleteFunc(sheets, func(s usage.Sheet) bool { return s.Epoch != mark.Epoch })
}

// wrongFloors are what 100 altered histories come to at the least.
var wrongFloors = census.Floors{
	"sheets altered": 33, "sheets altered while usage is behind": 25, "sheets altered ahead of the mark": 3, "sheets altered during a rebuild": 1,
}

func TestAWrongSheetIsNamedHoweverFarUsageIs(t *testing.T) {
	committest.Bound(t, 300)
	census.Check(t, wrongFloors, func(t *rapid.T, did *census.Census) { nameTheWrong(t, did, newBooks(), "acme") })
}

func TestAWrongSheetIsNamedInTheTables(t *testing.T) {
	committest.Bound(t, 10)
	client := dynamotest.NewClient(t)
	next := 0
	census.Check(t, wrongFloors, func(t *rapid.T, did *census.Census) {
		next++
		nameTheWrong(t, did, client, fmt.Sprintf("acme-%d", next))
	})
}

// late holds a run back at its first sheet of an entry until something has gone by.
type late struct {
	rollup.Store
	entry int64
	first sync.Once
	goBy  func()
}

func (l *late) Add(ctx context.Context, account string, epoch int64, delta usage.Delta) (rollup.Standing, error) {
	if delta.First >= l.entry {
		l.first.Do(l.goBy)
	}
	return l.Store.Add(ctx, account, epoch, delta)
}

// A run that a whole rebuild has overtaken may still create new sheets. They are
// of an epoch that is over, hold only what the mark lacks, and the next run
// replaces them.
func TestWhatAnOvertakenRunLeavesIsNoDrift(t *testing.T) {
	for name, store := range map[string]books{"memory": newBooks(), "tables": dynamotest.NewClient(t)} {
		settle(t, store)
		fallBehind(t, store)
		crashed := &crashing{Store: store}
		crashed.left.Store(3 + 1 + 3) // the sheets of entry 9, the mark, the sheets of entry 10
		overtaken := &late{Store: crashed, entry: 10, goBy: func() {
			if _, err := newFolder(store, 1).Rebuild(t.Context(), "acme", 9); err != nil {
				t.Error(err)
			}
		}}
		if _, err := newFolder(overtaken, 1).CatchUp(t.Context(), "acme", 10); !errors.Is(err, errCrashed) {
			t.Fatalf("%s: the run ended with %v", name, err)
		}
		result, err := audit.Run(t.Context(), store, "acme", time.Now())
		if err != nil || !result.Clean() || result.Mark != (usage.Mark{Epoch: 1, Seq: 9}) || result.Sheets != 5 {
			t.Errorf("%s, left half way: %+v, %v", name, result, err)
		}
		if _, err := newFolder(store, 100).CatchUp(t.Context(), "acme", 10); err != nil {
			t.Fatal(err)
		}
		if result, err := audit.Run(t.Context(), store, "acme", time.Now()); err != nil || !result.Clean() || result.Behind != 0 {
			t.Errorf("%s, in the end: %+v, %v", name, result, err)
		}
	}
}

// Debits, two roll-ups and rebuilds go on while the account is audited: whatever
// moves between two reads of the audit, nothing drifts.
func TestAuditsBesideWritersAreClean(t *testing.T) {
	for name, store := range map[string]books{"memory": newBooks(), "tables": dynamotest.NewClient(t)} {
		t.Run(name, func(t *testing.T) {
			settle(t, store)
			const debits = 20
			written := make(chan struct{})
			var running sync.WaitGroup
			for _, page := range []int{1, 2, 3} {
				running.Go(func() { foldUntil(t, store, page, written) })
			}
			var audits atomic.Int64
			behind, epochs := 0, map[int64]bool{}
			running.Go(func() {
				for ; !isClosed(written); audits.Add(1) {
					result, err := audit.Run(t.Context(), store, "acme", time.Now())
					if err != nil || !result.Clean() {
						t.Errorf("beside writers: %+v, %v", result, err)
					}
					if result.Behind > 0 {
						behind++
					}
					epochs[result.Mark.Epoch] = true
				}
			})
			for i := range int64(debits) {
				accept(t, store, ledgertest.Start.Add(time.Hour), debit(ledger.OperationID(fmt.Sprint("b", i)), fmt.Sprint("b", i%7), fmt.Sprint("c", i%11)))
				for audits.Load() < i/2 {
					time.Sleep(time.Millisecond)
				}
			}
			close(written)
			running.Wait()
			t.Logf("%d audits with usage behind, in %d epochs", behind, len(epochs))
			if behind == 0 {
				t.Error("usage was never behind")
			}
		})
	}
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// foldUntil folds the account over and over; with a page of one it starts again
// each time. The result does not matter: others interfere.
func foldUntil(t *testing.T, store books, page int, done <-chan struct{}) {
	for !isClosed(done) {
		wallet, err := store.Wallet(t.Context(), "acme")
		if err != nil {
			t.Error(err)
			return
		}
		folder := newFolder(store, page)
		if page == 1 {
			_, _ = folder.Rebuild(t.Context(), "acme", wallet.Seq)
		} else {
			_, _ = folder.CatchUp(t.Context(), "acme", wallet.Seq)
		}
	}
}

func TestAnIndexThatLagsIsNoDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		store := settled(t)
		hidden := hiding{store, func(seq int64) bool { return seq == 8 && time.Since(start) < time.Second }}
		if result, err := audit.Run(t.Context(), hidden, "acme", time.Now()); err != nil || !result.Clean() {
			t.Errorf("shown after a second: %+v, %v", result, err)
		}
		hidden.hides = func(seq int64) bool { return seq == 6 }
		if result, err := audit.Run(t.Context(), hidden, "acme", time.Now()); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("never shown: %+v, %v", result, err)
		}
	})
}

type hiding struct {
	audit.Store
	hides func(seq int64) bool
}

func (h hiding) EntriesAfter(ctx context.Context, account string, seq int64, limit int) ([]ledger.Entry, error) {
	entries, err := h.Store.EntriesAfter(ctx, account, seq, limit)
	return slices.DeleteFunc(entries, func(e ledger.Entry) bool { return h.hides(e.Seq) }), err
}
