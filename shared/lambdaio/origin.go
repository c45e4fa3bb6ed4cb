package lambdaio

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// isHTTP reports whether a payload is an event of an HTTP API: an object with a
// top-level member "routeKey". It reads no further than that member, which
// API Gateway puts second.
func isHTTP(payload []byte) bool {
	decoder := jsontext.NewDecoder(bytes.NewReader(payload))
	if token, err := decoder.ReadToken(); err != nil || token.Kind() != '{' {
		return false
	}
	for decoder.PeekKind() == '"' {
		name, err := decoder.ReadToken()
		if err != nil {
			return false
		}
		if name.String() == "routeKey" {
			return true
		}
		if err := decoder.SkipValue(); err != nil {
			return false
		}
	}
	return false
}
