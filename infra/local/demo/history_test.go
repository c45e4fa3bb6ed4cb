package demo

import (
	"testing"
	"time"
)

func TestHistoryIsTheSameEveryTimeAndBounded(t *testing.T) {
	until := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	debits := history(until)
	again := history(until)
	if len(debits) != len(again) || debits[len(debits)/2].OperationID != again[len(again)/2].OperationID {
		t.Fatal("two runs made two histories")
	}
	if len(debits) < 3000 || len(debits) > 9000 {
		t.Fatalf("%d debits", len(debits))
	}
	ids, channels, items, days := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, d := range debits {
		if ids[d.OperationID] {
			t.Fatalf("%s twice", d.OperationID)
		}
		ids[d.OperationID] = true
		channels[d.Channel] = true
		at, err := time.Parse(time.RFC3339, d.OccurredAt)
		if err != nil || at.After(until) || at.Before(until.AddDate(0, 0, -Days-1)) {
			t.Fatalf("%s at %s", d.OperationID, d.OccurredAt)
		}
		days[d.OccurredAt[:10]] = true
		for _, l := range d.Lines {
			items[l.Node+"/"+l.Action] = true
		}
	}
	if len(channels) != 6 || len(items) != len(rates) || len(days) < Days {
		t.Fatalf("%d channels, %d kinds of actions, %d days", len(channels), len(items), len(days))
	}
}
