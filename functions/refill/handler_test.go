package main

import (
	"context"
	"errors"
	"slices"
	"testing"

	"drawdown/shared/calendar"
)

// accounts is a refiller that notes whom it is asked for and fails for b, and the
// list of those who have asked to be refilled.
type accounts struct {
	calendar.Settler // nothing else is asked for
	calendar.Store
	asked []string
	down  bool
}

func (a *accounts) Refill(_ context.Context, account string) error {
	a.asked = append(a.asked, account)
	if account == "b" {
		return errors.New("not now")
	}
	return nil
}

func (a *accounts) Refills(context.Context, string, int) ([]string, error) {
	if a.down {
		return nil, errors.New("the index is not there")
	}
	return []string{"b"}, nil
}

func (a *accounts) invoke(t *testing.T, payload string) (string, error) {
	t.Helper()
	answer, err := (&handler{a, &calendar.Sweeper{Settler: a, Store: a}}).Invoke(t.Context(), []byte(payload))
	return string(answer), err
}

// What rings for an account refills that one; a failure makes it ring again.
func TestARing(t *testing.T) {
	t.Parallel()
	a := &accounts{}
	got, err := a.invoke(t, `{"detail-type":"drawdown.internal.refill_due","detail":{"account_id":"a"}}`)
	if err != nil || got != `{}` || !slices.Equal(a.asked, []string{"a"}) {
		t.Errorf("%s, %v after %q", got, err, a.asked)
	}
	if got, err := a.invoke(t, `{"detail":{"account_id":"b"}}`); err == nil {
		t.Errorf("a refill that failed is answered with %s", got)
	}
}

func TestASweep(t *testing.T) {
	t.Parallel()
	a := &accounts{}
	if got, err := a.invoke(t, `{"sweep":true}`); err != nil || got != `{"failed":1,"swept":1}` || !slices.Equal(a.asked, []string{"b"}) {
		t.Errorf("%s, %v after %q", got, err, a.asked)
	}
	a = &accounts{down: true}
	if got, err := a.invoke(t, `{"sweep":true}`); err == nil {
		t.Errorf("a list that cannot be read is answered with %s", got)
	}
}

func TestOtherCallsFail(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{`{}`, `[]`, `{"detail":{}}`, `x`} {
		a := &accounts{}
		if got, err := a.invoke(t, payload); !errors.Is(err, errNoCall) || len(a.asked) > 0 {
			t.Errorf("%s is answered with %s, %v", payload, got, err)
		}
	}
}
