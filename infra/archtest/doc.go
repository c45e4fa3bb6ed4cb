// Package archtest holds the layout of the repository as rules that are tested:
// what lies where, what may import what, and what may not be written in which
// folder. Each rule says why it is one. The rules read the source alone, by
// go/parser, so they are quick and see every build tag.
//
// A rule that proves wrong is changed here, in the open, and not worked around.
package archtest
