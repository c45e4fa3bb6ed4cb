package billing

import (
	"strconv"
	"strings"
	"time"
)

// freePrefix begins the ids of subscriptions to free plans, which the processor does
// not have.
const freePrefix = "free_"

// FreeID is the id of an account's subscription to a free plan that begins at an
// instant, to the second.
func FreeID(account string, start time.Time) string {
	return freePrefix + account + "_" + strconv.FormatInt(start.Unix(), 10)
}

// Free reports whether a subscription is to a free plan.
func (s Subscription) Free() bool { return strings.HasPrefix(s.ID, freePrefix) }

// Running reports whether a subscription is in force, paid for or about to be.
// One whose first payment is missing is not.
func (s Subscription) Running() bool {
	return s.Status == SubscriptionActive || s.Status == SubscriptionPastDue
}
