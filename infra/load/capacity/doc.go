// Package capacity counts what operations cost in DynamoDB: capacity units by
// the documented rules, from the sizes of the items that requests really read
// and write, and requests, those at the same time as one.
//
// Operations run through the platform's own client and committer. A Meter sits
// in the client, between it and DynamoDB Local, whose own figures are shown
// beside the count.
//
// The same is counted of the roll-up, run by run, and of what the Usage page
// asks for. A budget that depends on what there is to do, such as the number of
// sheets that a run touches, is made from what the run was given, not from what
// it did; only how large a sheet is shows when it is written.
package capacity
