// Package stack describes the platform: tables, functions, HTTP API,
// permissions, alarms. It is the only description: the deployed platform and the
// local one both run what this package synthesizes.
//
// Names come from the code that uses them: tables, keys and indexes from
// shared/dynamo, routes and the functions that serve them from shared/httpapi.
// What each function may do to each table is listed in access.go, action by
// action.
//
// Settings come from the CDK context (cdk -c name=value), see Config.
package stack
