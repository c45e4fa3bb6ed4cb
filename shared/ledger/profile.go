package ledger

import "time"

// Profile is an account as it is listed.
type Profile struct {
	Account   string
	Settings  Settings
	CreatedAt time.Time
	UpdatedAt time.Time
}
