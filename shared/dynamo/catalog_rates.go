package dynamo

import (
	"context"
	"sync"
	"time"

	"drawdown/shared/rating"
)

const (
	// BookTTL is how long an execution environment keeps the rate cards. It is
	// less than rating.LeadTime, so that a card is known before it is in force.
	BookTTL = 60 * time.Second
	// publication is how long a card may be on its way between the check of its
	// lead time and its being there: as long as a function may run, and a second
	// for clocks that differ.
	publication = 11 * time.Second
)

// Rates keeps the book for BookTTL. It implements commit.Rates.
type Rates struct {
	read func(context.Context) (rating.Book, error)
	now  func() time.Time

	mu       sync.Mutex
	book     rating.Book
	loadedAt time.Time
}

// NewRates keeps what read returns.
func NewRates(read func(context.Context) (rating.Book, error), now func() time.Time) *Rates {
	return &Rates{read: read, now: now}
}

// Book implements commit.Rates. A book read at some instant knows every card
// that comes into force before LeadTime has passed, less what a publication
// takes; for a later debit it is read again.
func (r *Rates) Book(ctx context.Context, until time.Time) (rating.Book, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	fresh := now.Before(r.loadedAt.Add(BookTTL)) && until.Before(r.loadedAt.Add(rating.LeadTime-publication))
	if fresh && !r.book.Empty() {
		return r.book, nil
	}
	book, err := r.read(ctx)
	if err != nil {
		return rating.Book{}, err
	}
	r.book, r.loadedAt = book, now
	return book, nil
}
