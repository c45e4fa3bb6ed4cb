// Package stack is the description of the platform: tables, functions, HTTP
// API, permissions, alarms. It is the only one: what the deployed platform has,
// and what the local one runs, is what this package synthesizes.
//
// It names nothing itself that the code names already. Tables, keys and indexes
// come from shared/dynamo, routes and the functions that serve them from
// shared/httpapi. What each function may do to each table is written out in
// access.go, action by action.
//
// Settings come from the CDK context (cdk -c name=value), see Config.
package stack
