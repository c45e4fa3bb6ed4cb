package delivery

import (
	"context"
	"testing"
	"time"

	"drawdown/events"
	"drawdown/shared/fault"
	"drawdown/shared/webhooks"
)

// contended is a store that others write just before each of the first saves.
type contended struct {
	EndpointStore
	others int
	change func(*webhooks.Endpoint)
}

func (c *contended) SaveEndpoint(ctx context.Context, endpoint webhooks.Endpoint) (bool, error) {
	if c.others > 0 {
		c.others--
		present, err := c.Endpoint(ctx, endpoint.ID)
		if err != nil {
			return false, err
		}
		c.change(present)
		if saved, err := c.EndpointStore.SaveEndpoint(ctx, *present); !saved || err != nil {
			return false, err
		}
	}
	return c.EndpointStore.SaveEndpoint(ctx, endpoint)
}

// A change is made of what is there when it is written, and where others keep
// writing it is refused and nothing is lost.
func TestAnEndpointIsChangedOverWhatOthersWrote(t *testing.T) {
	f := newFixture(t)
	for others := range maxWrites + 1 {
		f.endpoint("ops", "https://example.com")
		before, err := f.tables.Endpoint(t.Context(), "ops")
		if err != nil {
			t.Fatal(err)
		}
		store := &contended{f.tables.Client, others, func(e *webhooks.Endpoint) { e.Events = append(e.Events, events.BalanceLow) }}
		endpoints := &Endpoints{Store: store, Now: f.Now}
		rotated, err := endpoints.Rotate(t.Context(), "ops")
		after, readErr := f.tables.Endpoint(t.Context(), "ops")
		if readErr != nil || len(after.Events) != others {
			t.Fatalf("with %d others: %+v, %v", others, after, readErr)
		}
		if others == maxWrites {
			if fault.CodeOf(err) != fault.Contended || rotated != nil || after.Secret != before.Secret {
				t.Errorf("always beaten: %+v, %v; stored is %+v", rotated, err, after)
			}
			continue
		}
		if err != nil || after.Secret != rotated.Secret || after.Previous != before.Secret {
			t.Errorf("with %d others: %+v, %v; stored is %+v", others, rotated, err, after)
		}
		if found, err := f.tables.RemoveEndpoint(t.Context(), "ops"); !found || err != nil {
			t.Fatal(found, err)
		}
	}
}

func TestTermsOfAnEndpoint(t *testing.T) {
	f := newFixture(t)
	endpoints := &Endpoints{Store: f.tables.Client, Now: f.Now}
	wanted := webhooks.Endpoint{ID: "ops", URL: "https://example.com", Enabled: true, Secret: "of nobody"}
	made, created, err := endpoints.Put(t.Context(), wanted)
	if err != nil || !created || made.Secret == wanted.Secret || !made.CreatedAt.Equal(start) {
		t.Fatalf("made %+v, %t, %v", made, created, err)
	}
	f.pass(time.Hour)
	if same, created, err := endpoints.Put(t.Context(), wanted); err != nil || created || !same.UpdatedAt.Equal(start) {
		t.Errorf("the same again: %+v, %t, %v", same, created, err)
	}
	if err := endpoints.disable(t.Context(), "ops", "it is gone"); err != nil {
		t.Fatal(err)
	}
	disabled, err := f.tables.Endpoint(t.Context(), "ops")
	if err != nil || disabled.Enabled || disabled.DisabledReason != "it is gone" {
		t.Errorf("disabled: %+v, %v", disabled, err)
	}
	enabled, created, err := endpoints.Put(t.Context(), wanted)
	if err != nil || created || !enabled.Enabled || enabled.DisabledReason != "" || enabled.Secret != made.Secret || !enabled.UpdatedAt.Equal(f.Now()) {
		t.Errorf("enabled again: %+v, %t, %v", enabled, created, err)
	}
	if none, err := endpoints.Rotate(t.Context(), "none"); none != nil || err != nil {
		t.Errorf("none was rotated: %+v, %v", none, err)
	}
	if err := endpoints.disable(t.Context(), "none", "why"); err != nil {
		t.Error(err)
	}
}
