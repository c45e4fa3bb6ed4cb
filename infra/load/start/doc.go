// Package start measures the size of the functions, and the time of the debit
// function from its start to its first answer.
package start
