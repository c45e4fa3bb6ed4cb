package ledger

import "time"

// Profile is an account in a listing.
type Profile struct {
	Account   string
	Settings  Settings
	CreatedAt time.Time
	UpdatedAt time.Time
}
