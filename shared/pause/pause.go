// Package pause waits, and no longer than its caller does.
package pause

import (
	"context"
	"fmt"
	"time"
)

// For waits, unless the context ends first: then it fails with the context's error.
func For(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("pause: %w", ctx.Err())
	}
}
