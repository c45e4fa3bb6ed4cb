package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	batchSize = 100
	// requestTimeout bounds one request of the loader.
	requestTimeout = 30 * time.Second
	tries          = 5

	// settling bounds the wait for usage, and poll is how often to look.
	settling = 15 * time.Second
	poll     = 200 * time.Millisecond

	// trickle is the mean wait between two live messages.
	trickle = 4 * time.Second
)

// Loader talks to a running platform as its operator.
type Loader struct {
	URL string // of the HTTP API
	Key string // the operator's
	// Stripe is the address of the stand-in for Stripe. Without it the account has a
	// catalog, but no purchases.
	Stripe string
}

// Load creates the demo account and its history. It returns the number of debits.
func (l Loader) Load(ctx context.Context) (int, error) {
	now := time.Now()
	if err := l.prepare(ctx, now); err != nil {
		return 0, err
	}
	if err := l.buy(ctx); err != nil {
		return 0, err
	}
	debits := history(now)
	for start := 0; start < len(debits); start += batchSize {
		batch := debits[start:min(start+batchSize, len(debits))]
		if err := l.send(ctx, batch); err != nil {
			return start, err
		}
	}
	return len(debits), l.settle(ctx)
}

// Link opens a session of the demo account and returns the link to its Usage page.
func (l Loader) Link(ctx context.Context) (string, error) {
	answer, err := l.call(ctx, "POST", "/v1/accounts/"+Account+"/sessions", "", map[string]any{})
	if err != nil {
		return "", err
	}
	var session struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(answer, &session); err != nil {
		return "", fmt.Errorf("demo: the session: %w", err)
	}
	return session.URL, nil
}

// settle waits until usage includes the whole history, so that the page shows it at
// once. Slow usage does not fail the demo.
func (l Loader) settle(ctx context.Context) error {
	for deadline := time.Now().Add(settling); time.Now().Before(deadline); {
		var balance struct {
			Seq int64 `json:"seq"`
		}
		var usage struct {
			Seq int64 `json:"as_of_seq"`
		}
		if err := l.get(ctx, "/balance", &balance); err != nil {
			return err
		}
		if err := l.get(ctx, "/usage", &usage); err != nil {
			return err
		}
		if usage.Seq >= balance.Seq {
			return nil
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return fmt.Errorf("demo: %w", ctx.Err())
		}
	}
	return nil
}

func (l Loader) get(ctx context.Context, of string, into any) error {
	answer, err := l.call(ctx, "GET", "/v1/accounts/"+Account+of, "", nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// step is one of the operator's requests.
type step struct {
	method, path, key string
	body              any
}

func (l Loader) prepare(ctx context.Context, now time.Time) error {
	card := struct {
		EffectiveAt string           `json:"effective_at"`
		Rates       []map[string]any `json:"rates"`
	}{EffectiveAt: now.AddDate(0, 0, -Days-2).UTC().Format(time.RFC3339)}
	for _, r := range rates {
		card.Rates = append(card.Rates, map[string]any{
			"node": r.node, "action": r.action, "label": r.label, "unit": r.unit, "credits_per_unit": r.perUnit,
		})
	}
	steps := []step{
		{"PUT", "/v1/rate-cards/demo-1", "", card},
		{"PUT", "/v1/accounts/" + Account, "", map[string]any{
			"name": "Demo Company", "time_zone": zone, "low_balance_threshold": "500",
		}},
		{"POST", "/v1/accounts/" + Account + "/grants", "demo-welcome", map[string]any{
			"amount": "500", "source": "promo", "priority": 10, "reason": "Welcome credits",
		}},
	}
	for _, step := range append(steps, catalog()...) {
		if _, err := l.call(ctx, step.method, step.path, step.key, step.body); err != nil {
			return err
		}
	}
	return nil
}

// send sends a batch, and fails unless every debit is accepted.
func (l Loader) send(ctx context.Context, batch []debit) error {
	answer, err := l.call(ctx, "POST", "/v1/debits/batch", "", map[string]any{"debits": batch})
	if err != nil {
		return err
	}
	var body struct {
		Results []struct {
			Status  int             `json:"status"`
			Problem json.RawMessage `json:"problem"`
		} `json:"results"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	for _, result := range body.Results {
		if result.Status/100 != 2 {
			return fmt.Errorf("demo: a debit was refused with %d: %s", result.Status, result.Problem)
		}
	}
	return nil
}

// call sends a request, retries it on a 5xx, and returns the answer's body.
func (l Loader) call(ctx context.Context, method, path, key string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	var last error
	for try := range tries {
		answer, status, err := l.once(ctx, method, path, key, text)
		switch {
		case err == nil && status/100 == 2:
			return answer, nil
		case err == nil && status < 500:
			return nil, fmt.Errorf("demo: %s %s was answered with %d: %s", method, path, status, answer)
		case err == nil:
			err = fmt.Errorf("demo: %s %s was answered with %d", method, path, status)
		}
		last = err
		select {
		case <-time.After(time.Duration(try+1) * 200 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("demo: %w", ctx.Err())
		}
	}
	return nil, last
}

func (l Loader) once(ctx context.Context, method, path, key string, body []byte) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, l.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, fmt.Errorf("demo: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+l.Key)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end below
	answer, err := io.ReadAll(response.Body)
	return answer, response.StatusCode, err
}

// Live debits a message now and then until the context ends.
func (l Loader) Live(ctx context.Context) {
	chance := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), seed))
	for number := 0; ; number++ {
		select {
		case <-time.After(time.Duration(float64(trickle) * (0.3 + chance.ExpFloat64()))):
		case <-ctx.Done():
			return
		}
		who := pickAgent(chance)
		conversation := who.id + "-live-" + strconv.FormatInt(time.Now().Unix()/120, 36)
		d := message(chance, who, pick(chance, who.channels), conversation, number)
		d.OperationID = "live-" + strconv.FormatUint(chance.Uint64(), 36)
		d.OccurredAt = time.Now().UTC().Format(time.RFC3339)
		if err := l.send(ctx, []debit{d}); err != nil {
			// Most likely the credits are spent: the demo adds more. The lost debit does
			// not matter.
			_, _ = l.call(ctx, "POST", "/v1/accounts/"+Account+"/grants", "demo-more-"+strconv.FormatUint(chance.Uint64(), 36), map[string]any{
				"amount": "5000", "source": "purchase", "reason": "Pack of 5,000 credits",
			})
		}
	}
}
