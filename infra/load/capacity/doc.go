// Package capacity counts what operations cost in DynamoDB: capacity units by the
// documented rules, from the sizes of the items that requests read and write, and
// round trips, where concurrent requests count as one.
//
// Operations run through the platform's own client and committer. A Meter sits in
// the client, between it and DynamoDB Local, whose own figures are shown next to
// the count.
//
// The roll-up, run by run, and the requests of the Usage page are counted too. A
// budget that depends on the work at hand, such as the number of sheets that a run
// touches, is computed from the run's input, not from what it did; only the size of
// a sheet is measured when it is written.
package capacity
