package ledger

// Page is a part of a listing of entries, in the order of seq.
type Page struct {
	After      int64 // entries past this seq, exclusive; going down, below it; 0: from the end that comes first
	Limit      int
	Descending bool
	NoDebits   bool // debits are passed over, at no cost
}
