// Package httpapi is the HTTP edge: the routes, the wire formats of requests and
// answers, the problems, and the one middleware that every request passes.
//
// A handler is made of three functions by Handle: decode reads a Request into
// domain values, operate works on those alone, encode builds the Response. The
// order of checks is fixed in Server.serve: key, scope and account,
// Idempotency-Key, JSON, fields.
package httpapi
