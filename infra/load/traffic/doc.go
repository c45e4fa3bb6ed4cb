// Package traffic measures how many debits a second the running platform
// takes: real requests to its HTTP API, its real functions, DynamoDB Local.
//
// One wallet is written by one transaction at a time, so what one account
// takes is bounded by how long a commit takes, and batches by how many
// operations go into one. The figures are those of this machine and of
// DynamoDB Local; what carries over is how the phases compare.
package traffic
