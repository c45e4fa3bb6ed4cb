package ledger

import "time"

// News is what one image of a wallet has to announce: the alerts of its last
// commit, and whether a refill is due.
type News struct {
	Account   string
	Seq       int64     // of the image
	LastAt    time.Time // when it was made
	Alerts    []Alert
	RefillDue bool
	Record    string // identifies the image at its source, which can deliver it again
}
