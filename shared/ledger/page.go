package ledger

// Page is a part of a listing of entries, in the order of seq.
type Page struct {
	After      int64 // entries past this seq, exclusive; in descending order, before it; 0: from the start of the order
	Limit      int
	Descending bool
	NoDebits   bool // debits are skipped, at no cost
}
