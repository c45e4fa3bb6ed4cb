package dynamo_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"drawdown/events"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/webhooks"
)

func TestEndpointsAreWrittenOverWhatWasRead(t *testing.T) {
	client := dynamotest.NewClient(t)
	now := ledgertest.Start
	one := webhooks.Endpoint{
		ID: "b", URL: "https://example.com", Events: []events.Type{events.BalanceLow}, Enabled: true, Secret: webhooks.NewSecret(), CreatedAt: now, UpdatedAt: now,
	}
	if saved, err := client.SaveEndpoint(t.Context(), one); !saved || err != nil {
		t.Fatal(saved, err)
	}
	if saved, err := client.SaveEndpoint(t.Context(), one); saved || err != nil {
		t.Errorf("made twice: %t, %v", saved, err)
	}
	first, err := client.Endpoint(t.Context(), "b")
	stored := one
	stored.Version = 1
	if err != nil || !reflect.DeepEqual(*first, stored) {
		t.Fatalf("endpoint %+v, %v; want %+v", first, err, stored)
	}
	second := first.Rotated(webhooks.NewSecret(), now.Add(time.Hour))
	second.Events, second.Enabled, second.DisabledReason = nil, false, "off"
	if saved, err := client.SaveEndpoint(t.Context(), second); !saved || err != nil {
		t.Fatal(saved, err)
	}
	if saved, err := client.SaveEndpoint(t.Context(), *first); saved || err != nil {
		t.Errorf("written over what another has written: %t, %v", saved, err)
	}
	second.Version = 2
	if got, err := client.Endpoint(t.Context(), "b"); err != nil || !reflect.DeepEqual(*got, second) {
		t.Errorf("endpoint %+v, %v; want %+v", got, err, second)
	}
	one.ID = "a"
	if saved, err := client.SaveEndpoint(t.Context(), one); !saved || err != nil {
		t.Fatal(saved, err)
	}
	if listed, err := client.Endpoints(t.Context(), "", 10); err != nil || len(listed) != 2 || listed[0].ID != "a" || !reflect.DeepEqual(listed[1], second) {
		t.Errorf("listed %+v, %v", listed, err)
	}
	if listed, err := client.Endpoints(t.Context(), "a", 10); err != nil || len(listed) != 1 || listed[0].ID != "b" {
		t.Errorf("after a: %+v, %v", listed, err)
	}
	for _, want := range []bool{true, false} {
		if found, err := client.RemoveEndpoint(t.Context(), "b"); found != want || err != nil {
			t.Errorf("removed: %t, %v; want %t", found, err, want)
		}
	}
	if gone, err := client.Endpoint(t.Context(), "b"); gone != nil || err != nil {
		t.Errorf("a removed endpoint is %+v, %v", gone, err)
	}
}

func TestDeliveriesAreClaimedByOne(t *testing.T) {
	client := dynamotest.NewClient(t)
	now := ledgertest.Start
	made := webhooks.NewDelivery("ops", events.New(events.BalanceLow, "acme", 1, now, nil), `{"a":1}`)
	made.Claim = now.Add(time.Minute)
	for _, want := range []bool{true, false} {
		if added, err := client.AddDelivery(t.Context(), made); added != want || err != nil {
			t.Fatalf("added %t, %v; want %t", added, err, want)
		}
	}
	due := func(at time.Time, want int) []webhooks.DueDelivery {
		t.Helper()
		due, err := client.DueDeliveries(t.Context(), at, 10)
		if err != nil || len(due) != want {
			t.Fatalf("due at %s are %+v, %v; want %d", at, due, err, want)
		}
		return due
	}
	due(made.Claim.Add(-time.Millisecond), 0)
	place := due(made.Claim, 1)[0]
	held := now.Add(3 * time.Minute)
	claimed, err := client.ClaimDelivery(t.Context(), place, held)
	if err != nil || claimed == nil || claimed.Claim != held || claimed.Body != made.Body || claimed.EventID != "acme#1#balance.low" {
		t.Fatalf("claimed %+v, %v", claimed, err)
	}
	if again, err := client.ClaimDelivery(t.Context(), place, held.Add(time.Minute)); again != nil || err != nil {
		t.Errorf("claimed twice: %+v, %v", again, err)
	}
	if settled, err := client.SettleDelivery(t.Context(), made.After(webhooks.Result{Status: 200}, now)); settled || err != nil {
		t.Errorf("settled without a claim: %t, %v", settled, err)
	}
	failed := claimed.After(webhooks.Result{Status: 500, Error: "x"}, now)
	if settled, err := client.SettleDelivery(t.Context(), failed); !settled || err != nil {
		t.Fatal(settled, err)
	}
	failed.Claim, failed.NextAttemptAt = time.Time{}, failed.NextAttemptAt.Truncate(time.Millisecond)
	if listed, err := client.Deliveries(t.Context(), "ops", "", 10); err != nil || len(listed) != 1 || !reflect.DeepEqual(listed[0], failed) {
		t.Errorf("listed %+v, %v; want %+v", listed, err, failed)
	}
	claimed, err = client.ClaimDelivery(t.Context(), due(failed.NextAttemptAt, 1)[0], held)
	if err != nil || claimed == nil {
		t.Fatal(claimed, err)
	}
	if settled, err := client.SettleDelivery(t.Context(), claimed.After(webhooks.Result{Status: 204}, now)); !settled || err != nil {
		t.Fatal(settled, err)
	}
	due(now.AddDate(1, 0, 0), 0)
}

func TestDeliveriesInPages(t *testing.T) {
	client := dynamotest.NewClient(t)
	var want []string
	for i := range 5 {
		d := webhooks.NewDelivery("ops", events.New(events.BalanceLow, "acme", int64(i), ledgertest.Start.Add(time.Duration(i)*time.Second), nil), fmt.Sprint(i))
		if added, err := client.AddDelivery(t.Context(), d); !added || err != nil {
			t.Fatal(added, err)
		}
		want = append([]string{d.ID}, want...)
	}
	other := webhooks.NewDelivery("ops2", events.New(events.BalanceLow, "acme", 9, ledgertest.Start, nil), "")
	if _, err := client.AddDelivery(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	var got []string
	for before := ""; ; {
		page, err := client.Deliveries(t.Context(), "ops", before, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			got, before = append(got, d.ID), d.ID
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
