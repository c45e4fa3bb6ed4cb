package ledger

import "time"

// News is what one image of a wallet has to say: the alerts of its last commit,
// and that a refill is due.
type News struct {
	Account   string
	Seq       int64     // of the image
	LastAt    time.Time // when it was made
	Alerts    []Alert
	RefillDue bool
	Record    string // names the image where it came from, which can bring it again
}
