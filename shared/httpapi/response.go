package httpapi

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
)

// Response is an answer; Body is encoded as JSON, Text and Bytes are sent as they are.
type Response struct {
	Status      int
	ContentType string // application/json if empty
	Headers     map[string]string
	Body        any
	Text        string
	Bytes       []byte // for content that is not text, such as gzip
}

// OK is an answer with status 200.
func OK(body any) Response { return Response{Status: http.StatusOK, Body: body} }

// Created is an answer with status 201.
func Created(body any) Response { return Response{Status: http.StatusCreated, Body: body} }

// NoContent is an empty answer with status 204.
func NoContent() Response { return Response{Status: http.StatusNoContent} }

// Keyed is the answer to a keyed command: 201, or for a replay the first answer with
// status 200 and the header Idempotent-Replayed.
func Keyed(body any, replayed bool) Response {
	if replayed {
		return OK(body).With("Idempotent-Replayed", "true")
	}
	return Created(body)
}

// With adds a header.
func (r Response) With(name, value string) Response {
	headers := maps.Clone(r.Headers)
	if headers == nil {
		headers = map[string]string{}
	}
	headers[name] = value
	r.Headers = headers
	return r
}

func (r Response) encode() ([]byte, error) {
	out := events.APIGatewayV2HTTPResponse{StatusCode: r.Status, Headers: map[string]string{
		// Balances and keys must not stay in any cache on the way.
		"Cache-Control": "no-store",
	}}
	if r.Status != http.StatusNoContent && r.Status != http.StatusNotModified {
		out.Headers["Content-Type"] = "application/json"
	}
	if r.ContentType != "" {
		out.Headers["Content-Type"] = r.ContentType
	}
	maps.Copy(out.Headers, r.Headers)
	out.Body = r.Text
	if r.Bytes != nil {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(r.Bytes), true
	}
	if r.Body != nil {
		body, err := marshal(r.Body)
		if err != nil {
			return nil, fmt.Errorf("httpapi: encoding the body: %w", err)
		}
		out.Body = string(body)
	}
	payload, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("httpapi: encoding the answer: %w", err)
	}
	return payload, nil
}

// marshal is deterministic, including the order of a problem's own members.
func marshal(body any) ([]byte, error) { return json.Marshal(body, json.Deterministic(true)) }
