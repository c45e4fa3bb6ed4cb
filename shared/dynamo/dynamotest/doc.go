// Package dynamotest gives tests DynamoDB Local: one process for a test binary,
// a fresh set of tables for each test that asks, a record of the requests that
// were sent, and faults at chosen ones of them.
//
// Nothing of it ships in a function. A test that lacks DynamoDB Local fails and
// says how to get it; none is skipped.
package dynamotest
