package e2e

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

func TestGrantsBurnInOrder(t *testing.T) {
	t.Parallel()
	account := openAccount(t, settings())
	inAnHour := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	oldest := addGrant(t, account, body{"amount": "2", "source": "promo"})
	soon := addGrant(t, account, body{"amount": "3", "source": "promo", "expires_at": inAnHour})
	first := addGrant(t, account, body{"amount": "4", "source": "adjustment", "priority": 10})
	soonToo := addGrant(t, account, body{"amount": "5", "source": "purchase", "expires_at": inAnHour})
	addGrant(t, account, body{"amount": "6", "source": "promo", "priority": 0, "effective_at": inAnHour})
	equal(t, "what is available without the future grant", walletOf(t, account).Available, amount("14"))

	d := spend(t, account, amount("10.5"))
	equalParts(t, "drawn", d.Drawn, part{first.ID, amount("4")}, part{soon.ID, amount("3")}, part{soonToo.ID, amount("3.5")})
	d = spend(t, account, amount("3"))
	equalParts(t, "drawn", d.Drawn, part{soonToo.ID, amount("1.5")}, part{oldest.ID, amount("1.5")})
	equal(t, "available", d.Balance.Available, amount("0.5"))

	missing := refused(t, admin(t).call(debit(account, "too-much", use("unit", credit))), http.StatusPaymentRequired, "insufficient-credits")
	equal(t, "available of a refusal", missing.Available, amount("0.5"))
	d = spend(t, account, amount("0.5"))
	equalParts(t, "drawn", d.Drawn, part{oldest.ID, amount("0.5")})

	w := walletOf(t, account)
	if len(w.Grants) != 1 || w.Grants[0].Amount != 6*credit || w.Grants[0].Priority != 0 {
		t.Errorf("only the future grant is left, not %+v", w.Grants)
	}
	entriesOf(t, account)
}

// The nightly schedule goes through all accounts, and records the grants that have expired. This test runs before
// those in parallel, whose grants it would find too.
func TestAnExpiredGrantIsRecordedAtNight(t *testing.T) {
	account := openAccount(t, settings())
	expiry := time.Now().Add(time.Second).UTC().Truncate(time.Millisecond)
	ending := addGrant(t, account, body{"amount": "5", "source": "promo", "expires_at": expiry})
	time.Sleep(time.Until(expiry) + time.Millisecond)
	before := walletOf(t, account).Seq
	for range 5 { // the list of accounts is an index, which may lag
		if err := platform.Fire("NightlyExpiry"); err != nil {
			t.Fatal(err)
		}
		if eventually(t, 4*time.Second, func() bool { return walletOf(t, account).Seq > before }) {
			break
		}
	}
	expired := slices.DeleteFunc(entriesOf(t, account), func(e entry) bool { return e.Type != "expiry" })
	if len(expired) != 1 {
		t.Fatalf("the expiry of the grant %s has the entries %+v, want one", ending.ID, expired)
	}
	equalParts(t, "lapsed", expired[0].Lapsed, part{ending.ID, 5 * credit})
}

func TestGrantsAreSpendableInTheirTimeOnly(t *testing.T) {
	t.Parallel()
	account := openAccount(t, settings())
	addGrant(t, account, body{"amount": "1", "source": "promo"})
	expiry := time.Now().Add(8 * time.Second).UTC().Truncate(time.Millisecond)
	ending := addGrant(t, account, body{"amount": "5", "source": "promo", "expires_at": expiry})
	if ending.ExpiresAt == nil || !ending.ExpiresAt.Equal(expiry) {
		t.Fatalf("the grant expires at %v, want %v", ending.ExpiresAt, expiry)
	}
	coming := addGrant(t, account, body{"amount": "7", "source": "promo", "priority": 1, "effective_at": expiry})
	paid := spend(t, account, 2*credit)
	equalParts(t, "drawn", paid.Drawn, part{ending.ID, 2 * credit})
	if !paid.CreatedAt.Before(expiry) {
		t.Fatal("the machine is too slow for this test: the grant has expired before the first debit")
	}

	// Up to the expiry debits are paid by the grant that ends, from then on by the one that begins.
	var last debited
	for {
		last = read[debited](t, admin(t).call(debit(account, rand.Text(), use("token", credit))), http.StatusCreated)
		if last.Drawn[0].GrantID != ending.ID {
			break
		}
		if !last.CreatedAt.Before(expiry) {
			t.Fatalf("at %v a debit has drawn %v of a grant that expired at %v", last.CreatedAt, last.Drawn, expiry)
		}
		time.Sleep(20 * time.Millisecond)
	}
	equalParts(t, "drawn", last.Drawn, part{coming.ID, 1})
	if last.CreatedAt.Before(expiry) {
		t.Errorf("at %v a debit has drawn %v of a grant that begins at %v", last.CreatedAt, last.Drawn, expiry)
	}
	equal(t, "available", last.Balance.Available, 8*credit-1)
	entries := entriesOf(t, account)
	lapsed := entries[len(entries)-1].Lapsed
	if len(lapsed) != 1 || lapsed[0].GrantID != ending.ID || lapsed[0].Credits > 3*credit || lapsed[0].Credits == 0 {
		t.Errorf("with the expiry lapsed %v", lapsed)
	}

	// What the ended grant has paid comes back with the time that the grant still had.
	back := read[reversed](t, admin(t).call(reversal(account, paid.OperationID, "back", body{"reason": "broken run"})), http.StatusCreated)
	if len(back.Restored) != 1 || back.Restored[0].Credits != 2*credit || back.Restored[0].GrantID == ending.ID {
		t.Fatalf("restored: %v", back.Restored)
	}
	for _, g := range walletOf(t, account).Grants {
		if g.ID != back.Restored[0].GrantID {
			continue
		}
		if left := expiry.Sub(paid.CreatedAt); g.ExpiresAt == nil || g.ExpiresAt.Sub(back.CreatedAt) != left {
			t.Errorf("the grant that came back expires at %v, want %v after %v", g.ExpiresAt, left, back.CreatedAt)
		}
	}
	entriesOf(t, account)
}

func TestOverageIsTakenToItsLimitAndNoFurther(t *testing.T) {
	t.Parallel()
	account := openAccount(t, settings().with("overage", body{"policy": "bill", "limit": "2"}).with("low_balance_threshold", "0.5"))
	addGrant(t, account, body{"amount": "1", "source": "promo"})
	low := spend(t, account, amount("0.75"))
	over := spend(t, account, amount("0.75"))
	equal(t, "overage", over.Overage, amount("0.5"))
	equal(t, "the balance", over.Balance, balance{0, amount("0.5")})

	missing := refused(t, admin(t).call(debit(account, "beyond", use("unit", amount("1.500001")))), http.StatusPaymentRequired, "insufficient-credits")
	equal(t, "required", missing.Required, amount("1.500001"))
	equal(t, "available", missing.Available, 0)
	equal(t, "shortfall", missing.Shortfall, 1)
	last := spend(t, account, amount("1.5"))
	equal(t, "the balance", last.Balance, balance{0, 2 * credit})
	equalParts(t, "drawn", last.Drawn)
	missing = refused(t, admin(t).call(debit(account, "one-more", use("token", credit))), http.StatusPaymentRequired, "insufficient-credits")
	equal(t, "shortfall", missing.Shortfall, 1)
	refused(t, admin(t).call(debit(account, "beyond", use("unit", amount("1.500001")))), http.StatusPaymentRequired, "insufficient-credits")

	w := walletOf(t, account)
	equal(t, "the overage in force", fmt.Sprint(w.Overage), "{bill 2 2}")
	for _, e := range entriesOf(t, account) {
		want := map[int64]string{low.Seq: "[low_balance]", over.Seq: "[depleted overage_started]", last.Seq: "[overage_limit]"}[e.Seq]
		if want == "" {
			want = "[]"
		}
		slices.Sort(e.Alerts)
		equal(t, fmt.Sprintf("alerts of entry %d", e.Seq), fmt.Sprint(e.Alerts), want)
	}

	// Given back, the room is there again.
	back := read[reversed](t, admin(t).call(reversal(account, over.OperationID, "back", body{"reason": "r"})), http.StatusCreated)
	equal(t, "overage given back", back.Overage, amount("0.5"))
	equal(t, "the balance", back.Balance, balance{amount("0.25"), amount("1.5")})
	last = spend(t, account, amount("0.75"))
	equal(t, "the balance", last.Balance, balance{0, 2 * credit})
}

func TestReversals(t *testing.T) {
	t.Parallel()
	account := openAccount(t, settings())
	small := addGrant(t, account, body{"amount": "2", "source": "promo", "priority": 1})
	large := addGrant(t, account, body{"amount": "100", "source": "purchase"})
	give := func(of, key string, with body) answer { return admin(t).call(reversal(account, of, key, with)) }
	d := spend(t, account, 5*credit)
	equalParts(t, "drawn", d.Drawn, part{small.ID, 2 * credit}, part{large.ID, 3 * credit})
	stands := func(reversed credits) {
		t.Helper()
		found := read[debited](t, admin(t).call(request{route: httpapi.GetDebit, path: []string{account, d.OperationID}}), http.StatusOK)
		if found.Reversed == nil || *found.Reversed != reversed || found.Seq != d.Seq || found.Credits != d.Credits {
			t.Errorf("the debit is looked up as %+v, want %s of it reversed", found, reversed)
		}
	}
	stands(0)

	// A part: the last taken first. And again: the first answer.
	first := give(d.OperationID, "part", body{"credits": "1.25", "reason": "half a run"})
	in := read[reversed](t, first, http.StatusCreated)
	equalParts(t, "restored", in.Restored, part{large.ID, amount("1.25")})
	equal(t, "available", in.Balance.Available, amount("98.25"))
	equal(t, "the debit", in.DebitID, d.OperationID)
	equal(t, "the reason", in.Reason, "half a run")
	again := give(d.OperationID, "part", body{"credits": "1.25", "reason": "half a run"})
	if again.Status != http.StatusOK || !again.replayed() || string(again.Body) != string(first.Body) {
		t.Errorf("the reversal was repeated as %s", again)
	}
	refused(t, give(d.OperationID, "part", body{"credits": "1.26", "reason": "half a run"}), http.StatusUnprocessableEntity, "idempotency-key-reused")
	stands(amount("1.25"))

	// More than is left of it.
	over := refused(t, give(d.OperationID, "over", body{"credits": "3.750001", "reason": "r"}), http.StatusConflict, "not-reversible")
	equal(t, "charged", over.Charged, 5*credit)
	equal(t, "reversed", over.Reversed, amount("1.25"))
	equal(t, "reversible", over.Reversible, amount("3.75"))

	// The rest, though one of its grants has been spent out: a new one with the old terms takes its place.
	whole := read[reversed](t, give(d.OperationID, "over", body{"reason": "the rest"}), http.StatusCreated)
	equal(t, "credits", whole.Credits, amount("3.75"))
	equal(t, "reversed in all", whole.Reversed, 5*credit)
	equal(t, "available", whole.Balance.Available, 102*credit)
	stands(5 * credit)
	w := walletOf(t, account)
	if len(w.Grants) != 2 {
		t.Fatalf("the grants are %+v", w.Grants)
	}
	for _, g := range w.Grants {
		if g.ID == large.ID {
			equal(t, "what remains of the large grant", g.Remaining, 100*credit)
			continue
		}
		if g.ID == small.ID || g.Remaining != 2*credit || g.Amount != 2*credit || g.Priority != 1 || g.Source != "promo" || g.ExpiresAt != nil {
			t.Errorf("in the place of %+v there is %+v", small.grant, g)
		}
		if !slices.Contains(whole.Restored, part{g.ID, 2 * credit}) {
			t.Errorf("%v does not name the new grant %s", whole.Restored, g.ID)
		}
	}
	refused(t, give(d.OperationID, "nothing-left", body{"reason": "r"}), http.StatusConflict, "not-reversible")
	refused(t, give("never-debited", "k", body{"reason": "r"}), http.StatusNotFound, "debit-not-found")
	refused(t, give("part", "k", body{"reason": "r"}), http.StatusNotFound, "debit-not-found")
	invalid(t, give(d.OperationID, "k", body{"credits": "0", "extra": 1}), "credits", "extra", "reason")
	entriesOf(t, account)
}

func TestQuotesChangeNothingAndAgreeWithTheDebit(t *testing.T) {
	t.Parallel()
	account := openAccount(t, settings().with("overage", body{"policy": "bill", "limit": "1"}))
	addGrant(t, account, body{"amount": "10", "source": "promo"})
	quote := func(lines ...body) answer {
		return admin(t).call(request{route: httpapi.PostQuote, path: []string{account}, body: body{"lines": lines}})
	}
	before := walletOf(t, account)
	for i, lines := range [][]body{
		{{"node": "ai_reply", "action": "run", "quantity": "2"}, {"node": "third", "action": "use", "quantity": "0.5"}},
		{{"node": "free", "action": "use", "quantity": 1}},
		{{"node": "unit", "action": "use", "quantity": "7"}},
		{{"node": "unit", "action": "use", "quantity": "2"}, {"node": "token", "action": "use", "quantity": 1}},
		{{"node": "token", "action": "use", "quantity": 1}},
	} {
		q := read[quoted](t, quote(lines...), http.StatusOK)
		equal(t, "the wallet's seq after a quote", walletOf(t, account).Seq, before.Seq)
		equal(t, "available", q.Available, before.Available)
		a := admin(t).call(debit(account, fmt.Sprintf("d-%d", i), use("unit", credit).with("lines", lines)))
		if q.Affordable != (q.Shortfall == 0) || q.Affordable != (a.Status == http.StatusCreated) {
			t.Errorf("the quote %+v was followed by %s", q, a)
		}
		if a.Status == http.StatusCreated {
			d := read[debited](t, a, http.StatusCreated)
			if d.Credits != q.Credits || d.Overage != q.Overage || d.RateCard != q.RateCard || !slices.Equal(d.Lines, q.Lines) {
				t.Errorf("the quote %+v was followed by the debit %+v", q, d)
			}
		} else {
			missing := refused(t, a, http.StatusPaymentRequired, "insufficient-credits")
			if missing.Required != q.Credits || missing.Available != q.Available || missing.Shortfall != q.Shortfall {
				t.Errorf("the quote %+v was followed by %s", q, a)
			}
		}
		before = walletOf(t, account)
	}
	refused(t, quote(body{"node": "no_such", "action": "use", "quantity": 1}), http.StatusUnprocessableEntity, "rate-not-found")
	invalid(t, quote(), "lines")

	read[accountBody](t, admin(t).call(request{route: httpapi.PutAccount, path: []string{account}, body: settings().with("status", "suspended")}), http.StatusOK)
	refused(t, quote(body{"node": "unit", "action": "use", "quantity": 1}), http.StatusForbidden, "account-suspended")
}

func TestPricesAreRoundedHalfUpLineByLine(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 10*credit)
	third := func(quantity any) body { return body{"node": "third", "action": "use", "quantity": quantity} }
	d := read[debited](t, admin(t).call(debit(account, "rounded", use("unit", credit).with("lines", []body{
		third("0.5"), third("0.000001"), third("0.000002"), third(2),
	}))), http.StatusCreated)
	var got []credits
	for _, l := range d.Lines {
		equal(t, "credits per unit", l.CreditsPerUnit, amount("0.333333"))
		got = append(got, l.Credits)
	}
	want := []credits{amount("0.166667"), 0, amount("0.000001"), amount("0.666666")}
	if !slices.Equal(got, want) {
		t.Errorf("the lines cost %v, want %v", got, want)
	}
	equal(t, "credits", d.Credits, amount("0.833334"))
}
