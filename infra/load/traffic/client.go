package traffic

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"drawdown/infra/load/subject"
	"drawdown/infra/load/usual"
	"drawdown/shared/commit"
)

// client is one caller: it sends its next request when the last is answered.
type client struct {
	platform *subject.Subject
	batch    int
	account  string
	series   string // of its operation ids

	sent      int
	counts    counts
	latencies []time.Duration
}

// counts are debits by how they were answered, and their commits.
type counts struct {
	accepted  int
	contended int // 503: other writers used up the invocation's time
	failed    int // any other failure of the platform
	commits   int
}

func (c *counts) add(d counts) {
	c.accepted += d.accepted
	c.contended += d.contended
	c.failed += d.failed
	c.commits += d.commits
}

func (c *client) send(ctx context.Context, until time.Time) error {
	for time.Now().Before(until) {
		ids := make([]string, c.batch)
		for i := range ids {
			ids[i] = usual.OperationID(c.series, c.sent)
			c.sent++
		}
		start := time.Now()
		if err := c.request(ctx, ids); err != nil {
			return err
		}
		c.latencies = append(c.latencies, time.Since(start))
		c.counts.commits += commitsOf(c.batch)
	}
	return nil
}

// commitsOf returns how many transactions the debits of one request take.
func commitsOf(batch int) int { return (batch + commit.MaxOperations - 1) / commit.MaxOperations }

// request sends debits and counts their answers.
func (c *client) request(ctx context.Context, ids []string) error {
	if c.batch == 1 {
		status, answer, err := c.platform.Post(ctx, "/v1/accounts/"+c.account+"/debits", ids[0], usual.DebitJSON())
		if err != nil {
			return err
		}
		return c.counts.answered(1, status, answer)
	}
	status, answer, err := c.platform.Post(ctx, "/v1/debits/batch", "", usual.BatchJSON(c.account, ids))
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return c.counts.answered(len(ids), status, answer)
	}
	var body struct{ Results []struct{ Status int } }
	if err := json.Unmarshal(answer, &body); err != nil {
		return fmt.Errorf("a batch answers %s: %w", answer, err)
	}
	for _, result := range body.Results {
		if err := c.counts.answered(1, result.Status, answer); err != nil {
			return err
		}
	}
	return nil
}

// answered counts debits by status. A status that a typical debit never gets is an
// error: the measurement would be wrong.
func (c *counts) answered(debits, status int, answer []byte) error {
	switch {
	case status == http.StatusCreated:
		c.accepted += debits
	case status == http.StatusServiceUnavailable:
		c.contended += debits
	case status >= http.StatusInternalServerError:
		c.failed += debits
	default:
		return fmt.Errorf("a debit was answered with %d: %s", status, answer)
	}
	return nil
}
