package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Past is how long before the demo the stand-in's clock starts: one period of the
// plan and some days.
const Past = 40 * 24 * time.Hour

// What the demo account buys.
const (
	plan      = "business"
	pack      = "large"
	refill    = "small"
	threshold = "500"
	// awaited bounds the wait for a payment to be settled.
	awaited = 30 * time.Second
)

type object = map[string]any

func usd(cents int) object { return object{"amount": cents, "currency": "usd"} }

// catalog returns the requests that put plans and packs on sale.
func catalog() []step {
	sold := func(id, name string, cents int, included, limit, price, rollover string) step {
		return step{"PUT", "/v1/plans/" + id, "", object{
			"name": name, "price": usd(cents), "interval": "month", "included_credits": included, "rollover": rollover,
			"overage": object{"policy": "bill", "limit": limit, "price_per_credit": price}, "active": true,
		}}
	}
	packed := func(id, name string, cents int, credits string, days int) step {
		return step{"PUT", "/v1/packs/" + id, "", object{
			"name": name, "price": usd(cents), "credits": credits, "validity_days": days, "active": true,
		}}
	}
	return []step{
		{"PUT", "/v1/plans/free", "", object{
			"name": "Free", "price": usd(0), "interval": "month", "included_credits": "250", "rollover": "0",
			"overage": object{"policy": "block", "limit": "0"}, "active": true,
		}},
		sold("starter", "Starter", 1900, "2000", "200", "1.5", "0"),
		sold(plan, "Business", 7900, "10000", "2000", "1.2", "1000"),
		sold("scale", "Scale", 24900, "40000", "10000", "0.9", "5000"),
		packed(refill, "5,000 credits", 4900, "5000", 365),
		packed(pack, "25,000 credits", 19900, "25000", 365),
	}
}

// buy gives the account a history of payments: it subscribes to a plan and buys a
// pack, a month later the plan is renewed, and a refill is charged.
func (l Loader) buy(ctx context.Context) error {
	if l.Stripe == "" {
		return nil
	}
	for _, part := range []func(context.Context) error{l.subscribe, l.buyPack, l.passMonth, l.refill} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l Loader) subscribe(ctx context.Context) error {
	if err := l.checkout(ctx, "demo-plan", object{"plan_id": plan}); err != nil {
		return err
	}
	return l.await(ctx, "the plan", "/subscription", func(text string) bool { return strings.Contains(text, `"status":"active"`) })
}

func (l Loader) buyPack(ctx context.Context) error {
	if err := l.advance(ctx, 2*24*time.Hour); err != nil {
		return err
	}
	if err := l.checkout(ctx, "demo-pack", object{"pack_id": pack, "save_card": true}); err != nil {
		return err
	}
	return l.await(ctx, "the pack", "/billing-history", paid("purchase", 1))
}

// passMonth advances the clock by a month, so that the plan is renewed.
func (l Loader) passMonth(ctx context.Context) error {
	const month = 31 * 24 * time.Hour
	if err := l.advance(ctx, month); err != nil {
		return err
	}
	return l.await(ctx, "the renewal", "/billing-history", paid("plan", 2))
}

// refill sets up a refill that is due at once, then the terms that the account keeps.
func (l Loader) refill(ctx context.Context) error {
	if err := l.advance(ctx, Past-33*24*time.Hour); err != nil {
		return err
	}
	for _, at := range []string{"1000000", threshold} {
		terms := object{"enabled": true, "threshold": at, "pack_id": refill, "monthly_cap": usd(14700), "consent": true}
		if _, err := l.call(ctx, "PUT", "/v1/accounts/"+Account+"/auto-refill", "", terms); err != nil {
			return err
		}
		if err := l.await(ctx, "the refill", "/billing-history", paid("refill", 1)); err != nil {
			return err
		}
	}
	return nil
}

// paid reports whether a billing history has that many paid lines of a kind.
func paid(kind string, lines int) func(string) bool {
	return func(text string) bool {
		var history struct {
			Data []struct{ Kind, State string }
		}
		if json.Unmarshal([]byte(text), &history) != nil {
			return false
		}
		for _, line := range history.Data {
			if line.Kind == kind && line.State == "paid" {
				lines--
			}
		}
		return lines <= 0
	}
}

// await polls until an answer satisfies done.
func (l Loader) await(ctx context.Context, what, of string, done func(string) bool) error {
	for deadline := time.Now().Add(awaited); ; {
		answer, err := l.call(ctx, "GET", "/v1/accounts/"+Account+of, "", nil)
		if err != nil {
			return err
		}
		if done(string(answer)) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("demo: %[2]s was not settled within %[1]s: %[3]s", awaited, what, answer)
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return fmt.Errorf("demo: %w", ctx.Err())
		}
	}
}

// checkout buys something with a card that works.
func (l Loader) checkout(ctx context.Context, key string, wish object) error {
	answer, err := l.call(ctx, "POST", "/v1/accounts/"+Account+"/checkouts", key, wish)
	if err != nil {
		return err
	}
	var opened struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(answer, &opened); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	session := opened.URL[strings.LastIndexByte(opened.URL, '/')+1:]
	return l.control(ctx, "pay", object{"session": session, "card": "works", "save": true})
}

func (l Loader) advance(ctx context.Context, by time.Duration) error {
	return l.control(ctx, "advance", object{"by": by.String()})
}

// control calls the stand-in's control API.
func (l Loader) control(ctx context.Context, what string, how object) error {
	body, err := json.Marshal(how)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.Stripe+"/_control/"+what, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // only the status matters
	if response.StatusCode/100 != 2 {
		return errors.New("demo: the stand-in for Stripe answered " + what + " with " + response.Status)
	}
	return nil
}
