// Package httpapi is the edge that speaks HTTP: the routes, the wire forms of
// requests and answers, the problems, and the one middleware that every
// request passes.
//
// A handler is made of three functions by Handle: decode reads a Request into
// domain values, operate works on those alone, encode makes the Response. The
// order of checks is fixed in Server.serve: key, scope and account,
// Idempotency-Key, JSON, fields.
package httpapi
