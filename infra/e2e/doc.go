// Package e2e holds the tests of the whole platform, from outside: they start it from the synthesized template, call
// it over HTTP and by direct invocation as its callers would, and kill its processes while they do.
//
// One platform serves all tests of a run. Each test works on accounts of its own, and a test that kills processes or
// measures time runs alone, before those that run in parallel. Every answer is checked against the OpenAPI document
// that the platform itself serves, and a run of the whole suite fails if a route has never answered well, or if functions
// have used other permissions than are recorded. Every run ends by searching what all processes have put out, and what the
// platform has kept, for the secrets that it was given or made.
//
// The package owns no rule of the platform: what an answer must be is written out in each test, in plain numbers.
package e2e
