package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"drawdown/events"
	"drawdown/shared/eventbus"
	"drawdown/shared/eventbus/eventbustest"
)

var at = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func message(seq int64, bytes int) events.Message {
	return events.New(events.BalanceLow, "acme", seq, at, events.Balance{Available: strings.Repeat("1", bytes), OverageUsed: "0"})
}

func TestMessagesAreSaidWhole(t *testing.T) {
	bus := eventbustest.New(t)
	one := message(7, 2)
	if failed, err := bus.Put(t.Context(), one, events.DueOf("acme", 8, at)); err != nil || failed != nil {
		t.Fatal(failed, err)
	}
	detail, err := events.Encode(one)
	if err != nil {
		t.Fatal(err)
	}
	want := []eventbustest.Said{
		{Bus: "drawdown", Source: "drawdown", DetailType: "balance.low", Detail: string(detail)},
		{Bus: "drawdown", Source: "drawdown", DetailType: "drawdown.internal.refill_due", Detail: `{"account_id":"acme","seq":8}`},
	}
	if got := bus.Said(); !slices.Equal(got, want) {
		t.Errorf("said %+v, want %+v", got, want)
	}
	if read, err := events.Decode([]byte(bus.Said()[0].Detail)); err != nil || read.ID != "acme#7#balance.low" {
		t.Errorf("what was said is read as %+v, %v", read, err)
	}
}

func TestFewRequests(t *testing.T) {
	for _, c := range []struct {
		count, bytes, requests int
	}{{0, 0, 0}, {1, 10, 1}, {10, 10, 1}, {11, 10, 2}, {25, 10, 3}, {4, 100_000, 2}, {3, 200_000, 3}} {
		bus := eventbustest.New(t)
		messages := make([]events.Message, c.count)
		for i := range messages {
			messages[i] = message(int64(i+1), c.bytes)
		}
		if failed, err := bus.Put(t.Context(), messages...); err != nil || len(failed) > 0 {
			t.Fatal(failed, err)
		}
		if bus.Requests() != c.requests || len(bus.Said()) != c.count {
			t.Errorf("%+v: %d requests, %d said", c, bus.Requests(), len(bus.Said()))
		}
		for i, said := range bus.Said() {
			if !strings.Contains(said.Detail, fmt.Sprintf("acme#%d#", i+1)) {
				t.Errorf("%+v: message %d is said out of order", c, i)
			}
		}
	}
}

// What is not taken at first is put again, alone; what is never taken is named by its place.
func TestFailuresByPosition(t *testing.T) {
	bus := eventbustest.New(t)
	once := map[string]bool{}
	bus.Refuse(func(said eventbustest.Said) bool {
		if strings.Contains(said.Detail, "acme#3#") || strings.Contains(said.Detail, "acme#14#") {
			return true
		}
		first := strings.Contains(said.Detail, "acme#5#") && !once[said.Detail]
		once[said.Detail] = true
		return first
	})
	var messages []events.Message
	for i := range 15 {
		size := 2
		if i == 7 {
			size = 300_000
		}
		messages = append(messages, message(int64(i+1), size))
	}
	failed, err := bus.Put(t.Context(), messages...)
	if want := []int{2, 7, 13}; !slices.Equal(failed, want) || err == nil {
		t.Errorf("failed %v, want %v; %v", failed, want, err)
	}
	if len(bus.Said()) != 12 {
		t.Errorf("%d were said, want 12", len(bus.Said()))
	}
	if failed, err := bus.Put(t.Context(), messages[7]); !slices.Equal(failed, []int{0}) || !errors.Is(err, eventbus.ErrTooLarge) {
		t.Errorf("a message too large is answered with %v, %v", failed, err)
	}
}

func TestABusThatIsDown(t *testing.T) {
	bus := eventbustest.New(t)
	bus.Break(true)
	if failed, err := bus.Put(t.Context(), message(1, 2), message(2, 2)); !slices.Equal(failed, []int{0, 1}) || err == nil {
		t.Errorf("failed %v, %v", failed, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	bus.Break(false)
	if failed, err := bus.Put(ctx, message(1, 2)); !slices.Equal(failed, []int{0}) || err == nil {
		t.Errorf("without time: %v, %v", failed, err)
	}
	none := eventbus.Open(aws.Config{}, "", "")
	if failed, err := none.Put(t.Context(), message(1, 2)); !slices.Equal(failed, []int{0}) || err == nil {
		t.Errorf("without a bus: %v, %v", failed, err)
	}
}
