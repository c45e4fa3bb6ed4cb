package capacity

import "reflect"

// The documented sizes that one unit pays for, in bytes.
const (
	readBlock  = 4 << 10
	writeBlock = 1 << 10
)

// What a request costs compared with a plain one.
const (
	eventual      = 0.5 // an eventually consistent read
	transactional = 2   // a write within a transaction
)

// Units are capacity units of one request or more.
type Units struct {
	Read  float64
	Write float64 // of tables
	Index float64 // of their indexes, which are charged in addition
}

// Plus adds units up.
func (u Units) Plus(v Units) Units {
	return Units{u.Read + v.Read, u.Write + v.Write, u.Index + v.Index}
}

func blocks(size, block int) float64 { return float64(max(1, (size+block-1)/block)) }

// readUnits returns what reading this many bytes costs: one item of a get or of a
// batch, even if missing, or all items of a query together.
func readUnits(size int, consistent bool) float64 {
	units := blocks(size, readBlock)
	if !consistent {
		units *= eventual
	}
	return units
}

// writeUnits returns what a write costs that replaces before by after; nil is no
// item. A write that fails its condition leaves the item as it was.
func writeUnits(before, after Item, inTransaction bool) float64 {
	units := blocks(max(Size(before), Size(after)), writeBlock)
	if inTransaction {
		units *= transactional
	}
	return units
}

// indexUnits returns what a write that replaces before by after costs in an index:
// nothing if neither is in the index or its projection stays the same, one write if
// an entry is added, removed or changed, two if it moves. The index is written
// after the transaction, so at the plain price.
func indexUnits(before, after Item, index projection) float64 {
	was, is := index.entry(before), index.entry(after)
	switch {
	case was == nil && is == nil, reflect.DeepEqual(was, is):
		return 0
	case was == nil || is == nil || reflect.DeepEqual(index.keyOf(was), index.keyOf(is)):
		return blocks(max(Size(was), Size(is)), writeBlock)
	}
	return blocks(Size(was), writeBlock) + blocks(Size(is), writeBlock)
}
