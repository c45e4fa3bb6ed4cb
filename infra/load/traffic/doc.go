// Package traffic measures how many debits a second the running platform takes:
// real requests to its HTTP API, its real functions, DynamoDB Local.
//
// A wallet is written by one transaction at a time, so the throughput of one
// account is bounded by the time of a commit, and in batches by the number of
// operations in each. The figures are those of this machine and of DynamoDB Local;
// how the phases compare applies elsewhere too.
package traffic
