// Package capacity counts what operations cost in DynamoDB: capacity units by
// the documented rules, from the sizes of the items that requests really read
// and write, and requests, those at the same time as one.
//
// Operations run through the platform's own client and committer. A Meter sits
// in the client, between it and DynamoDB Local, whose own figures are shown
// beside the count.
package capacity
