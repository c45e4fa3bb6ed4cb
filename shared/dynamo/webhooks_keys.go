package dynamo

import (
	"fmt"
	"time"
)

const (
	endpointSK   = "ENDPOINT"
	kindEndpoint = "WEBHOOK"

	// EndpointPK begins the partitions of endpoints, in Accounts.
	EndpointPK = "WEBHOOK#"
)

// endpointKey is an endpoint of webhooks, in Accounts.
func endpointKey(id string) Key { return Key{EndpointPK + id, endpointSK} }

const (
	// DeliveryPK begins the partitions of deliveries, one an endpoint, in Accounts.
	DeliveryPK = "DELIVERY#"

	dueDelivery = "DELIVERY"
	// deliveryDays is how long a delivery is kept after its event.
	deliveryDays = 30
)

// deliveryKey is an event on its way to an endpoint, in Accounts. Ids sort by the
// events' time.
func deliveryKey(endpoint, id string) Key { return Key{DeliveryPK + endpoint, id} }

// deliveryDue is a delivery's place in the index due, at the time when it may be
// tried next. It is the claim as well: whoever has moved it may try.
func deliveryDue(at time.Time, endpoint, id string) string {
	return dueBefore(at) + endpoint + "#" + id
}

// dueBefore is the first place in the index due at a time.
func dueBefore(at time.Time) string { return fmt.Sprintf("%013d#", max(at.UnixMilli(), 0)) }
