package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/calendar"
	"drawdown/shared/ledger"
)

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// diary is a settler that notes what it is asked for, and lists of one item each.
type diary struct {
	calendar.Settler // nothing else is asked for
	calendar.Store
	asked []string
	down  bool
}

func (d *diary) Renew(_ context.Context, account string) error {
	d.asked = append(d.asked, "renew "+account)
	return errors.New("not now")
}

func (d *diary) Expire(_ context.Context, account string) error {
	d.asked = append(d.asked, "expire "+account)
	return nil
}

func (d *diary) DueRenewals(context.Context, string, int) ([]billing.DueItem, error) {
	return []billing.DueItem{{Account: "a", At: noon}}, nil
}

func (d *diary) DueBills(context.Context, string, int) ([]billing.DueItem, error) {
	if d.down {
		return nil, errors.New("the index is not there")
	}
	return nil, nil
}

func (d *diary) Profiles(context.Context, string, int) ([]ledger.Profile, error) {
	return []ledger.Profile{{Account: "b"}}, nil
}

func (d *diary) invoke(t *testing.T, payload string) (string, error) {
	t.Helper()
	sweeper := &calendar.Sweeper{Settler: d, Store: d, Now: func() time.Time { return noon }}
	answer, err := (&handler{sweeper}).Invoke(t.Context(), []byte(payload))
	return string(answer), err
}

func TestCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ payload, want, asked string }{
		{`{"due":true}`, `{"failed":1,"swept":1}`, "renew a"}, {`{"expire":true}`, `{"failed":0,"swept":1}`, "expire b"},
	} {
		d := &diary{}
		if got, err := d.invoke(t, c.payload); err != nil || got != c.want || !slices.Equal(d.asked, []string{c.asked}) {
			t.Errorf("%s is answered with %s, %v after %q", c.payload, got, err, d.asked)
		}
	}
	d := &diary{down: true}
	if got, err := d.invoke(t, `{"due":true}`); err == nil {
		t.Errorf("a list that cannot be read is answered with %s", got)
	}
}

func TestOtherCallsFail(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{`{}`, `[]`, `{"due":true,"expire":true}`, `x`} {
		d := &diary{}
		if got, err := d.invoke(t, payload); !errors.Is(err, errNoCall) || len(d.asked) > 0 {
			t.Errorf("%s is answered with %s, %v", payload, got, err)
		}
	}
}
