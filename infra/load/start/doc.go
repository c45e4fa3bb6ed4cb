// Package start measures how large the functions are and how long the debit
// function takes from nothing to its first answer.
package start
