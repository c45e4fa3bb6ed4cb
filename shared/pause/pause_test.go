package pause_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"drawdown/shared/pause"
)

func TestFor(t *testing.T) {
	for _, c := range []struct {
		limit, wait, took time.Duration
		err               error
	}{
		{time.Hour, time.Minute, time.Minute, nil},
		{time.Second, time.Minute, time.Second, context.DeadlineExceeded},
		{time.Second, 0, 0, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.limit)
			defer cancel()
			began := time.Now()
			if err := pause.For(ctx, c.wait); !errors.Is(err, c.err) || time.Since(began) != c.took {
				t.Errorf("a pause of %s within %s: %v after %s", c.wait, c.limit, err, time.Since(began))
			}
		})
	}
}
