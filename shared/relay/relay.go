// Package relay publishes the news in the images of wallets on the event bus.
//
// An image names the alerts of its last commit, and each alert the entry that
// raised it. The relay reads those entries and makes a message of each alert. It
// publishes at least once: what could not be published is retried with its image,
// under the same ids. The package depends neither on how images arrive nor on what
// the bus is.
package relay

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"drawdown/events"
	"drawdown/shared/ledger"
	"drawdown/shared/parallel"
	"drawdown/shared/pause"
	"drawdown/shared/telemetry"
)

const (
	// DefaultIndexWait is how long to wait for an entry that the index does not
	// show yet; after that its image must be retried.
	DefaultIndexWait = 2 * time.Second
	firstPoll        = 20 * time.Millisecond
	// readsAtOnce bounds the images of one batch whose entries are read at the
	// same time.
	readsAtOnce = 16
)

// Store lists entries by seq, from an index that may lag behind the wallets.
type Store interface {
	Entries(ctx context.Context, account string, page ledger.Page) ([]ledger.Entry, error)
}

// Bus publishes messages. It returns the positions of those that failed, and
// the cause.
type Bus interface {
	Put(ctx context.Context, messages ...events.Message) ([]int, error)
}

// Relay publishes news. Its fields are set once, before its first use.
type Relay struct {
	Store     Store
	Bus       Bus
	IndexWait time.Duration
}

// Say publishes the news of a batch, in as few requests as possible, and returns
// the records of those that must be retried. What follows the first of them is
// then published again, under the same ids.
func (r *Relay) Say(ctx context.Context, news []ledger.News) []string {
	made := r.messages(ctx, news)
	var messages []events.Message
	var of []int // which news each message belongs to
	failed := make([]bool, len(news))
	due := lastDue(news)
	for i := range news {
		if made[i].err != nil {
			failed[i] = true
			level := slog.LevelWarn
			if parallel.Panicked(made[i].err) {
				level = slog.LevelError
			}
			slog.Log(ctx, level, "building messages failed; the record will be retried", "account", news[i].Account, "seq", news[i].Seq, "error", made[i].err.Error())
		}
		said := made[i].messages
		if last, isDue := due[news[i].Account]; isDue && last == i {
			said = append(said, events.DueOf(news[i].Account, news[i].Seq, news[i].LastAt))
		}
		for _, message := range said {
			messages, of = append(messages, message), append(of, i)
		}
	}
	left, err := r.Bus.Put(ctx, messages...)
	if err != nil {
		slog.ErrorContext(ctx, "publishing some messages failed; their records will be retried", "messages", len(left), "error", err.Error())
	}
	for _, place := range left {
		failed[of[place]] = true
	}
	telemetry.Add(ctx, telemetry.Count(telemetry.Relayed, len(messages)-len(left)))
	var again []string
	for i, one := range news {
		if failed[i] {
			again = append(again, one.Record)
		}
	}
	telemetry.Add(ctx, telemetry.Count(telemetry.Unrelayed, len(again)))
	return again
}

// lastDue is the last position of each account whose refill is due. Consumers
// read the wallet again, so one message per account is enough.
func lastDue(news []ledger.News) map[string]int {
	last := map[string]int{}
	for i, one := range news {
		if one.RefillDue {
			last[one.Account] = i
		}
	}
	return last
}

// told is what to publish of one image. If some of it cannot be published, the
// rest still is.
type told struct {
	messages []events.Message
	err      error
}

func (r *Relay) messages(ctx context.Context, news []ledger.News) []told {
	made := make([]told, len(news))
	var alerting []int // the positions of those whose entries are read
	for i, one := range news {
		if len(one.Alerts) > 0 {
			alerting = append(alerting, i)
		}
	}
	failures := parallel.Each(ctx, readsAtOnce, len(alerting), func(ctx context.Context, i int) (err error) {
		made[alerting[i]].messages, err = r.alertsOf(ctx, news[alerting[i]])
		return err
	})
	for i, err := range failures {
		made[alerting[i]].err = err
	}
	return made
}

// alertsOf reads the entries that raised an image's alerts, with one Query, and
// makes the messages.
func (r *Relay) alertsOf(ctx context.Context, news ledger.News) ([]events.Message, error) {
	first, last := news.Alerts[0].Seq, news.Alerts[0].Seq
	for _, alert := range news.Alerts {
		first, last = min(first, alert.Seq), max(last, alert.Seq)
	}
	entries, err := r.entries(ctx, news.Account, first, last)
	if err != nil {
		return nil, err
	}
	var messages []events.Message
	var unsaid error
	for _, alert := range news.Alerts {
		message, err := messageOf(alert.Kind, &entries[alert.Seq-first])
		if err != nil {
			unsaid = err
			continue
		}
		messages = append(messages, message)
	}
	return messages, unsaid
}

// entries reads the entries from one seq to another, all of them. It waits for
// the index, which may lag behind the wallet.
func (r *Relay) entries(ctx context.Context, account string, first, last int64) ([]ledger.Entry, error) {
	count := int(last - first + 1)
	for wait, waited := firstPoll, time.Duration(0); ; wait *= 2 {
		entries, err := r.Store.Entries(ctx, account, ledger.Page{After: first - 1, Limit: count})
		if err != nil {
			return nil, err
		}
		if len(entries) == count && entries[0].Seq == first && entries[count-1].Seq == last {
			return entries, nil
		}
		if waited+wait > r.IndexWait {
			return nil, fmt.Errorf("relay: the index does not show all of the entries %d to %d yet", first, last)
		}
		if err := pause.For(ctx, wait); err != nil {
			return nil, err
		}
		waited += wait
	}
}
