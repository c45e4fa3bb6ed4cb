// Package ledgertest contains the simplest possible ledger, to compare the real
// one with, and a generator of the commands to compare them on.
//
// The Reference is written from the design's text, not from the ledger's code:
// linear scans, whole recomputations and big integers, and neither Decide nor
// Apply. It answers in an Answer, plain values only; AnswerTo brings the real
// ledger's answers into the same form, so that two of them can be compared as a
// whole. Where reference and ledger differ, one of them is wrong: read the
// design to know which.
package ledgertest
