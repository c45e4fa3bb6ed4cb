// Package rolluptest holds the law of the roll-up, as a test over any store of
// usage, with a generator of ledgers and the plainest possible sums of them.
//
// The sums are written from the design's text, not from the fold's code: one
// loop over the entries, and a number for each name. Sheets are brought into
// the same form, so that the two can be compared as a whole.
package rolluptest
