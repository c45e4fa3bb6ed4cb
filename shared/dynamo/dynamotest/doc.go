// Package dynamotest gives tests DynamoDB Local: one process for a test binary,
// a fresh set of tables for each test that asks, a record of the requests that
// were sent, and faults at chosen ones of them. Each request is held to rules that
// DynamoDB Local itself does not hold it to, above all that what decides is read
// strongly consistently; one that breaks a rule fails its test.
//
// Nothing of it ships in a function. A test that lacks DynamoDB Local fails and
// says how to get it; none is skipped.
package dynamotest
