package httpapi

import (
	_ "embed" // the document below
)

//go:embed openapi.yaml
var document string

// Document is the OpenAPI document of the API.
func Document() string { return document }

// EncodeDocument answers GET /openapi.yaml.
func EncodeDocument(text string) Response {
	return Response{Status: 200, ContentType: "application/yaml", Text: text}
}
