package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/settlement"
)

// noted is a settler that notes what it is asked for, and fails for some.
type noted struct {
	asked []string
	fails string
	takes time.Duration // each
}

func (n *noted) Settle(ctx context.Context, kind settlement.Kind, id string) error {
	n.asked = append(n.asked, string(kind)+" "+id)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(n.takes):
	}
	if id == n.fails {
		return errors.New("not now")
	}
	return nil
}

func message(id, detail string) string {
	body, _ := json.Marshal(fmt.Sprintf(`{"detail-type":"drawdown.internal.processor_notice","detail":%s}`, detail))
	return fmt.Sprintf(`{"messageId":%q,"body":%s}`, id, body)
}

func notice(kind, id string) string {
	return fmt.Sprintf(`{"id":"evt_%s","type":"x","object_id":%q,"object_type":%q,"created_at":"2026-11-24T10:00:00Z"}`, id, id, kind)
}

// What fails comes again by itself; the rest of the batch is done.
func TestEachMessageIsSettledForItself(t *testing.T) {
	n := &noted{fails: "pi_2"}
	payload := `{"Records":[` + strings.Join([]string{
		message("m1", notice("payment_intent", "pi_1")), message("m2", notice("payment_intent", "pi_2")),
		message("m3", notice("invoice", "in_1")), message("m4", `{}`), `{"messageId":"m5","body":"no JSON"}`,
	}, ",") + `]}`
	got, err := (&handler{n}).Invoke(t.Context(), []byte(payload))
	if err != nil || string(got) != `{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m4"},{"itemIdentifier":"m5"}]}` {
		t.Errorf("%s, %v", got, err)
	}
	if want := []string{"payment_intent pi_1", "payment_intent pi_2", "invoice in_1"}; !slices.Equal(n.asked, want) {
		t.Errorf("settled %v, want %v", n.asked, want)
	}
}

// Where settling is slow, the batch ends in time: what is settled does not come
// again, and what was not begun does.
func TestASlowBatchEndsInTime(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		asked int
		want  string
	}{
		"fast":     {time.Second, 5, `{"batchItemFailures":[]}`},
		"slow":     {20 * time.Second, 3, `{"batchItemFailures":[{"itemIdentifier":"m4"},{"itemIdentifier":"m5"}]}`},
		"too slow": {time.Hour, 1, `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"},{"itemIdentifier":"m3"},{"itemIdentifier":"m4"},{"itemIdentifier":"m5"}]}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			n := &noted{takes: c.takes}
			var records []string
			for i := range 5 {
				records = append(records, message(fmt.Sprint("m", i+1), notice("invoice", fmt.Sprint("in_", i+1))))
			}
			got, err := (&handler{n}).Invoke(ctx, []byte(`{"Records":[`+strings.Join(records, ",")+`]}`))
			if err != nil || string(got) != c.want || len(n.asked) != c.asked {
				t.Errorf("%s: %s, %v after %q", name, got, err, n.asked)
			}
		})
	}
}

func TestAPayloadThatIsNoBatchFails(t *testing.T) {
	for _, payload := range []string{`{}`, `[]`, `{"Records":[]}`, `x`} {
		if got, err := (&handler{&noted{}}).Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%s is answered with %s", payload, got)
		}
	}
}

// early is a settler for which something has come too early, so many times.
type early struct {
	times int
	asked int
	why   error
}

func (e *early) Settle(context.Context, settlement.Kind, string) error {
	if e.asked++; e.asked <= e.times {
		return fmt.Errorf("invoice in_1: %w", e.why)
	}
	return nil
}

// What comes too early is tried again at once and a few times; any other failure
// is left to the queue.
func TestWhatComesTooEarlyIsTriedAgainSoon(t *testing.T) {
	for _, c := range []struct {
		why          error
		times, asked int
		settled      bool
	}{
		{settlement.ErrNotYet, 0, 1, true}, {settlement.ErrNotYet, 3, 4, true}, {settlement.ErrMoved, 2, 3, true},
		{settlement.ErrNotYet, 9, 4, false}, {errors.New("the processor is down"), 1, 1, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &early{times: c.times, why: c.why}
			got, err := (&handler{e}).Invoke(t.Context(), []byte(`{"Records":[`+message("m1", notice("invoice", "in_1"))+`]}`))
			if err != nil || (string(got) == `{"batchItemFailures":[]}`) != c.settled || e.asked != c.asked {
				t.Errorf("%v, %d times: asked %d times, %s, %v", c.why, c.times, e.asked, got, err)
			}
		})
	}
}
