package ledger_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// noon is when the tests' accounts are opened.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

const (
	ms  = time.Millisecond
	day = 24 * time.Hour
)

// account is one account's ledger: what a test has given, and what came of it.
type account struct {
	*testing.T
	wallet  *ledger.Wallet
	entries []ledger.Entry
	charged map[ledger.OperationID]*ledger.Charged
}

var book = rating.NewBook([]rating.Card{{
	Version: "v1", EffectiveAt: noon.Add(-40 * day),
	Rates: []rating.Rate{
		{Item: rating.Item{Node: "micro", Action: "run"}, PerUnit: 1},
		{Item: rating.Item{Node: "node", Action: "run"}, PerUnit: credit.Credit},
	},
}})

var rules = ledger.Rules{MaxBackdate: 35 * day, MaxAhead: 5 * time.Minute, Channels: []string{"api", "widget"}}

// open opens an account at noon, with changes to the usual settings.
func open(t *testing.T, changes ...func(*ledger.Settings)) *account {
	a := &account{T: t, charged: map[ledger.OperationID]*ledger.Charged{}}
	a.configure(noon, changes...)
	return a
}

func (a *account) configure(now time.Time, changes ...func(*ledger.Settings)) *ledger.Entry {
	a.Helper()
	settings := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}
	for _, change := range changes {
		change(&settings)
	}
	return a.accept(ledger.Command{Action: ledger.Configure{Settings: settings}}, now)
}

func overage(limit credit.Amount) func(*ledger.Settings) {
	return func(s *ledger.Settings) { s.Overage = &ledger.Overage{Policy: ledger.Bill, Limit: limit} }
}

func zone(name string) func(*ledger.Settings) { return func(s *ledger.Settings) { s.Zone = name } }

func suspended(s *ledger.Settings) { s.Status = ledger.Suspended }

func lowBalance(threshold credit.Amount) func(*ledger.Settings) {
	return func(s *ledger.Settings) { s.LowBalance = threshold }
}

func (a *account) decide(command ledger.Command, now time.Time) (ledger.Decision, error) {
	state := ledger.State{Account: "acme", Wallet: a.wallet, Book: book, Rules: rules}
	switch action := command.Action.(type) {
	case ledger.ReverseDebit:
		state.Charged = a.charged[action.Of]
	case ledger.TakeBack:
		state.Charged = a.charged[action.Of]
	}
	var before *ledger.Wallet
	if a.wallet != nil {
		before = a.wallet.Clone()
	}
	decision, err := ledger.Decide(state, command, now)
	if !reflect.DeepEqual(before, a.wallet) {
		a.Fatalf("Decide changed the wallet that it was given: %+v became %+v", before, a.wallet)
	}
	return decision, err
}

// accept carries a command out, which must succeed and fold; nil where it changed nothing.
func (a *account) accept(command ledger.Command, now time.Time) *ledger.Entry {
	a.Helper()
	decision, err := a.decide(command, now)
	if err != nil {
		a.Fatalf("%+v was refused: %v", command.Action, err)
	}
	if decision.Entry == nil {
		return nil
	}
	entry := *decision.Entry
	folded, err := ledger.Apply(a.wallet, entry)
	if err != nil {
		a.Fatal(err)
	}
	decided := decision.Wallet.Clone()
	decided.Alerts = nil
	if !reflect.DeepEqual(folded, decided) {
		a.Fatalf("the fold gives %+v, the decision %+v", folded, decided)
	}
	a.wallet, a.entries = folded, append(a.entries, entry)
	if a.charged == nil {
		a.charged = map[ledger.OperationID]*ledger.Charged{}
	}
	if entry.Undoable() {
		a.charged[entry.Operation] = &ledger.Charged{Entry: entry}
	}
	if of, total, undoes := entry.Undoes(); undoes {
		a.charged[of].Reversed = total
	}
	conserved(a, a.entries, a.wallet)
	return &entry
}

// refusal is what a refused command gets besides its code.
type refusal struct {
	params []fault.Param
	fields []fault.Field
}

// refuse demands a refusal.
func (a *account) refuse(code fault.Code, action ledger.Action, now time.Time) refusal {
	a.Helper()
	_, err := a.decide(ledger.Keyed("refused", action), now)
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code != code {
		a.Fatalf("%+v ended with %v, want %s", action, err, code)
	}
	return refusal{refused.Params, refused.Fields}
}

// terms change a grant of the usual terms.
type terms func(*ledger.AddGrant)

func priority(p int) terms         { return func(g *ledger.AddGrant) { g.Priority = &p } }
func expiring(at time.Time) terms  { return func(g *ledger.AddGrant) { g.ExpiresAt = &at } }
func effective(at time.Time) terms { return func(g *ledger.AddGrant) { g.EffectiveAt = &at } }
func micros(n credit.Amount) terms { return func(g *ledger.AddGrant) { g.Amount = n } }

func grantOf(credits credit.Amount, changes ...terms) ledger.AddGrant {
	grant := ledger.AddGrant{Amount: credits * credit.Credit, Source: ledger.FromPromo}
	for _, change := range changes {
		change(&grant)
	}
	return grant
}

// grant gives credits and is the new grant's id.
func (a *account) grant(now time.Time, credits credit.Amount, changes ...terms) string {
	a.Helper()
	return ledger.DetailOf[*ledger.Issue](a.accept(ledger.Command{Action: grantOf(credits, changes...)}, now)).Grant.ID
}

// debitOf is a debit of so many micro-credits.
func debitOf(amount credit.Amount) ledger.Debit {
	return ledger.Debit{
		Agent: ledger.Agent{ID: "a1"}, Channel: "api",
		Lines: []rating.Line{{Item: rating.Item{Node: "micro", Action: "run"}, Quantity: amount * credit.Credit}},
	}
}

// whole is a debit of so many whole credits.
func whole(credits credit.Amount) ledger.Debit {
	return ledger.Debit{
		Agent: ledger.Agent{ID: "a1"}, Channel: "api",
		Lines: []rating.Line{{Item: rating.Item{Node: "node", Action: "run"}, Quantity: credits * credit.Credit}},
	}
}

func (a *account) debit(now time.Time, id ledger.OperationID, credits credit.Amount) *ledger.Entry {
	a.Helper()
	return a.accept(ledger.Keyed(id, whole(credits)), now)
}

func (a *account) reverse(now time.Time, of ledger.OperationID, credits ...credit.Amount) *ledger.Reversal {
	a.Helper()
	return ledger.DetailOf[*ledger.Reversal](a.accept(ledger.Command{Action: reversalOf(of, credits...)}, now))
}

func reversalOf(of ledger.OperationID, credits ...credit.Amount) ledger.ReverseDebit {
	reverse := ledger.ReverseDebit{Of: of}
	if len(credits) > 0 {
		amount := credits[0] * credit.Credit
		reverse.Credits = &amount
	}
	return reverse
}

// holds demands the grants' ids and what remains of them, in whole credits, in the order of their making.
func (a *account) holds(want ...ledger.Part) {
	a.Helper()
	var got []ledger.Part
	for _, g := range a.wallet.Grants {
		got = append(got, ledger.Part{GrantID: g.ID, Credits: g.Remaining / credit.Credit})
	}
	if !slices.Equal(got, want) {
		a.Fatalf("the wallet holds %v, want %v", got, want)
	}
}

func part(grant string, credits credit.Amount) ledger.Part {
	return ledger.Part{GrantID: grant, Credits: credits}
}

// drew demands what a debit took, in whole credits.
func (a *account) drew(entry *ledger.Entry, overage credit.Amount, want ...ledger.Part) {
	a.Helper()
	var got []ledger.Part
	for _, draw := range ledger.DetailOf[*ledger.Charge](entry).Drawn {
		got = append(got, ledger.Part{GrantID: draw.GrantID, Credits: draw.Credits / credit.Credit})
	}
	if !slices.Equal(got, want) || ledger.DetailOf[*ledger.Charge](entry).Overage != overage*credit.Credit {
		a.Fatalf("drawn %v and overage %s, want %v and %d", got, ledger.DetailOf[*ledger.Charge](entry).Overage, want, overage)
	}
}

func field(refused refusal, name string) string {
	for _, f := range refused.fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// names demands that a refusal names just this bad field.
func (a *account) names(refused refusal, param string) {
	a.Helper()
	if len(refused.params) != 1 || refused.params[0].Name != param {
		a.Fatalf("bad fields %+v, want %s", refused.params, param)
	}
}
