// Package archtest tests the rules of the repository's layout: where things are,
// what may import what, and what may not be written in which folder. Each rule
// gives its reason. The rules read only the source, with go/parser, so they are
// quick and see every build tag.
//
// A rule that proves wrong is changed here, and not worked around.
package archtest
