package stripe

import (
	"context"
	"fmt"
	"time"
)

// clock is the stand-in's time: the real time plus an offset. While due work is done, it stands at the time when that
// was due.
type clock struct {
	real   func() time.Time
	ahead  time.Duration
	frozen time.Time
}

// now is called with s.mu held.
func (s *Server) now() time.Time {
	if !s.clock.frozen.IsZero() {
		return s.clock.frozen
	}
	return s.clock.real().Add(s.clock.ahead).UTC().Truncate(time.Second)
}

// Now returns the time by the server's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// Advance moves the clock forward and does what comes due on the way, in order: periods end and are invoiced, invoices
// are finalized and collected, checkouts expire.
func (s *Server) Advance(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.ahead += max(0, by)
	s.catchUp()
}

// tick does what comes due between requests.
func (s *Server) tick(ctx context.Context) {
	const interval = 50 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.mu.Lock()
			s.catchUp()
			s.mu.Unlock()
		}
	}
}

// catchUp does what has come due, at the time when it was due.
func (s *Server) catchUp() {
	until := s.now()
	for {
		at, do := s.nextDue()
		if do == nil || at > until.Unix() {
			break
		}
		s.clock.frozen = time.Unix(at, 0).UTC()
		do()
		s.clock.frozen = time.Time{}
	}
}

// nextDue returns what comes due first; of several, the one that was created
// first.
func (s *Server) nextDue() (int64, func()) {
	var first int64
	var do func()
	due := func(at int64, what func()) {
		if at != 0 && (do == nil || at < first) {
			first, do = at, what
		}
	}
	for _, id := range s.sessions.order {
		if session := s.sessions.get(id); session.status == "open" {
			due(session.expires, func() { s.expireSession(session) })
		}
	}
	for _, id := range s.subscriptions.order {
		sub := s.subscriptions.get(id)
		if sub.ended != 0 {
			continue
		}
		if sub.cancelAt != 0 && sub.cancelAt < sub.end {
			due(sub.cancelAt, func() { s.endSubscription(sub) })
		}
		due(sub.end, func() { s.renew(sub) })
	}
	for _, id := range s.invoices.order {
		inv := s.invoices.get(id)
		if inv.status == "draft" && inv.autoAdvance {
			due(inv.finalizeAt, func() { s.finalize(inv); s.collect(inv) })
		}
		if inv.status == "open" && inv.autoAdvance {
			due(inv.nextAttempt, func() { s.collect(inv) })
		}
	}
	return first, do
}

// period returns the start of the n-th period of an anchor: whole months or years after it, on its day of the month or
// the month's last day.
func period(anchor int64, interval string, n int) (start, end int64) {
	months := 1
	if interval == "year" {
		months = 12
	}
	from := time.Unix(anchor, 0).UTC()
	at := func(n int) int64 {
		month := time.Date(from.Year(), from.Month(), 1, from.Hour(), from.Minute(), from.Second(), 0, time.UTC).AddDate(0, n*months, 0)
		last := month.AddDate(0, 1, -1).Day()
		return month.AddDate(0, 0, min(from.Day(), last)-1).Unix()
	}
	return at(n), at(n + 1)
}

// amountText formats an amount for people: "12.50 USD".
func amountText(minor int64, currency string) string {
	const hundred = 100
	switch currency {
	case "jpy", "krw", "vnd", "clp", "xaf", "xof", "xpf", "pyg", "ugx", "gnf", "kmf", "djf", "rwf", "bif", "mga", "vuv":
		return fmt.Sprintf("%d %s", minor, upper(currency))
	}
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	return fmt.Sprintf("%s%d.%02d %s", sign, minor/hundred, minor%hundred, upper(currency))
}
