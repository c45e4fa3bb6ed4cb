package ledger_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// Texts in which the canonical form's own signs occur.
var trickyText = rapid.OneOf(rapid.StringMatching(`["\\;,\-0-9a]{0,4}`), rapid.StringN(0, 3, 9), rapid.Just("debit/1"))

func anyDebit(t *rapid.T) ledger.Debit {
	amount := rapid.Int64Range(0, 12)
	return ledger.Debit{
		Agent:        ledger.Agent{ID: trickyText.Draw(t, "agent"), Name: trickyText.Draw(t, "name")},
		Channel:      trickyText.Draw(t, "channel"),
		Conversation: trickyText.Draw(t, "conversation"),
		Messages:     amount.Draw(t, "messages"),
		Run:          trickyText.Draw(t, "run"),
		OccurredAt:   anyInstant(t),
		Lines: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rating.Line {
			return rating.Line{
				Item:     rating.Item{Node: trickyText.Draw(t, "node"), Action: trickyText.Draw(t, "action")},
				Quantity: credit.Amount(amount.Draw(t, "quantity")),
			}
		}), 1, 2).Draw(t, "lines"),
	}
}

func anyInstant(t *rapid.T) *time.Time {
	if rapid.Bool().Draw(t, "none") {
		return nil
	}
	at := time.UnixMilli(rapid.Int64Range(-2, 2).Draw(t, "instant"))
	return &at
}

func anyAction(t *rapid.T) ledger.Action {
	switch rapid.IntRange(0, 2).Draw(t, "action") {
	case 0:
		return anyDebit(t)
	case 1:
		return ledger.AddGrant{
			Amount: credit.Amount(rapid.Int64Range(0, 2).Draw(t, "amount")), Source: ledger.Source(trickyText.Draw(t, "source")),
			Priority:    rapid.Ptr(rapid.IntRange(-1, 1), true).Draw(t, "priority"),
			EffectiveAt: anyInstant(t), ExpiresAt: anyInstant(t), Reason: trickyText.Draw(t, "reason"),
		}
	}
	return ledger.ReverseDebit{
		Of:      ledger.OperationID(trickyText.Draw(t, "of")),
		Credits: rapid.Ptr(rapid.Custom(func(t *rapid.T) credit.Amount { return credit.Amount(rapid.Int64Range(-1, 1).Draw(t, "credits")) }), true).Draw(t, "some"),
		Reason:  trickyText.Draw(t, "reason"),
	}
}

func hash(action ledger.Action) ledger.Hash { return ledger.Keyed("op", action).Hash }

// said is the request in words; JSON would replace what is not UTF-8.
func said(t *rapid.T, action ledger.Action) string {
	text, err := json.Marshal(action)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%T %s", action, text)
}

func TestEqualRequestsAndOnlyThoseHashAlike(t *testing.T) {
	floors := census.Floors{"requests that differ": 20, "requests that are the same": 10}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		a, b := anyAction(t), anyAction(t)
		if rapid.IntRange(0, 2).Draw(t, "twice") == 0 {
			b = a // of two that are drawn apart hardly ever any are the same
		}
		same := said(t, a) == said(t, b)
		did.CountIf(same, "requests that are the same")
		did.CountIf(!same, "requests that differ")
		if (hash(a) == hash(b)) != same {
			t.Fatalf("the same: %t; hashes %x and %x of\n%s\n%s", same, hash(a), hash(b), said(t, a), said(t, b))
		}
		if ledger.Keyed("other", a).Hash != hash(a) {
			t.Fatal("a hash depends on more than the request")
		}
	})
}

// Every field counts: a request that differs in just one of them is another one.
func TestEveryFieldOfARequestCounts(t *testing.T) {
	at := time.UnixMilli(1)
	amount, level := credit.Amount(1), 1
	for _, full := range []any{
		&ledger.Debit{Agent: ledger.Agent{ID: "a", Name: "b"}, Channel: "c", Conversation: "d", Messages: 1, Run: "e", OccurredAt: &at,
			Lines: []rating.Line{{Item: rating.Item{Node: "f", Action: "g"}, Quantity: 1}}},
		&ledger.AddGrant{Amount: 1, Source: "a", Priority: &level, EffectiveAt: &at, ExpiresAt: &at, Reason: "b", Payment: "c"},
		&ledger.ReverseDebit{Of: "a", Credits: &amount, Reason: "b"},
	} {
		value := reflect.ValueOf(full).Elem()
		hashNow := func() ledger.Hash {
			action, ok := value.Interface().(ledger.Action)
			if !ok {
				t.Fatalf("%T is no action", full)
			}
			return hash(action)
		}
		before := hashNow()
		eachField(value, value.Type().Name(), func(name string) {
			if hashNow() == before {
				t.Errorf("%s may be changed under the same hash", name)
			}
		})
	}
}

// eachField sets one field after the other to its zero value, calls check, and restores
// it.
func eachField(value reflect.Value, path string, check func(string)) {
	if kind := value.Kind(); kind == reflect.Struct && value.Type() != reflect.TypeFor[time.Time]() {
		for i := range value.NumField() {
			eachField(value.Field(i), path+"."+value.Type().Field(i).Name, check)
		}
		return
	}
	if value.Kind() == reflect.Slice {
		for i := range value.Len() {
			eachField(value.Index(i), fmt.Sprintf("%s[%d]", path, i), check)
		}
	}
	kept := reflect.ValueOf(value.Interface())
	value.SetZero()
	check(path)
	value.Set(kept)
}

// Wherever a text is cut into two fields, the requests differ.
func TestNeighbouringFieldsDoNotRunTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		between := rapid.SampledFrom([]string{"", ";", `";"`, `\";"`, "1;"}).Draw(t, "between")
		a, b, c := trickyText.Draw(t, "a"), trickyText.Draw(t, "b"), trickyText.Draw(t, "c")
		apart(t, a+between+b, c, a, b+between+c)
	})
}

func FuzzNeighbouringFieldsDoNotRunTogether(f *testing.F) {
	f.Add("a;b", "c", "a", "b;c")
	f.Add(`a";"b`, "c", "a", `b";"c`)
	f.Add("\xff", "\\xff", "\uFFFD", "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) { apart(t, a, b, c, d) })
}

func apart(t rapid.TB, a, b, c, d string) {
	one := ledger.Debit{Agent: ledger.Agent{ID: a, Name: b}}
	other := ledger.Debit{Agent: ledger.Agent{ID: c, Name: d}}
	if same := a == c && b == d; (hash(one) == hash(other)) != same {
		t.Errorf("%q, %q and %q, %q: the same is %t", a, b, c, d, same)
	}
}

// A retry may come after an upgrade: what was hashed by one version must hash
// the same in every later one.
func TestHashesAreGolden(t *testing.T) {
	at := time.UnixMilli(1_795_000_000_000)
	amount, level := credit.Amount(1_500_000), 7
	for want, action := range map[string]ledger.Action{
		"85fc36629daec31ca57c5cffd50d0172": ledger.Debit{Agent: ledger.Agent{ID: "a1", Name: "Ava"}, Channel: "widget", Conversation: "c1", Messages: 1, Run: "r1", OccurredAt: &at,
			Lines: []rating.Line{{Item: rating.Item{Node: "ai_reply", Action: "run"}, Quantity: 2 * credit.Credit}}},
		"768741311f7fcd01ea325eb586040354": ledger.AddGrant{Amount: amount, Source: ledger.FromPromo, Priority: &level, EffectiveAt: &at, Reason: "welcome"},
		"a489ca04d4c44f751ee1f786a1f0b821": ledger.ReverseDebit{Of: "op-1", Credits: &amount, Reason: "refunded"},
		// Runes that no version of Unicode has assigned yet, or ever will: bytes are hashed, whatever a library thinks of them.
		"c01406004880dcfe55ecce70cd3ac441": ledger.ReverseDebit{Of: "op-1", Reason: "\U000E0FFF \U0010FFFD \u0378"},
	} {
		if got := fmt.Sprintf("%x", hash(action)); got != want {
			t.Errorf("%T hashes to %s, want %s", action, got, want)
		}
	}
}
