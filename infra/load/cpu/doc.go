// Package cpu measures what a debit costs in CPU time and allocations, by Go
// benchmarks within this process, and in the real process of its function.
package cpu
