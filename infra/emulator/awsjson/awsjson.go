// Package awsjson serves operations by AWS's JSON protocols: a POST whose header X-Amz-Target names the operation, with
// the request and the answer as JSON in the bodies.
//
// It implements the protocol and is independent of the services. It refuses by name a parameter or an operation that is
// not supported.
package awsjson

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds a request: somewhat more than the largest that a service
// accepts.
const maxBody = 2 << 20

// Operation answers one request.
type Operation func(ctx context.Context, request []byte) (any, error)

// Service is a set of operations.
type Service struct {
	Target     string // what comes before the operation's name in X-Amz-Target, without the dot
	Version    string // of the protocol: 1.0 or 1.1
	Operations map[string]Operation
}

// Failure is an error as a service returns it.
type Failure struct {
	Code, Message string
	Query         string // the code in the service's previous protocol, where its SDK still looks for it
}

// Error implements error.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Fail returns a failure.
func Fail(code, format string, arguments ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

// Operate makes an operation from a function of values. It refuses parameters that In has no field for.
func Operate[In, Out any](f func(context.Context, In) (Out, error)) Operation {
	return func(ctx context.Context, request []byte) (any, error) {
		var in In
		decoder := json.NewDecoder(bytes.NewReader(request))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
				return nil, Fail("ValidationException", "the parameter %s is not served here", name)
			}
			return nil, Fail("SerializationException", "%v", err)
		}
		return f(ctx, in)
	}
}

// Time is a point in time in its JSON form, seconds since 1970.
type Time time.Time

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.3f", float64(time.Time(t).UnixMilli())/1000), nil
}

// Server serves services at one address. Signatures are not checked.
type Server []Service

// ServeHTTP implements http.Handler.
func (s Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	target, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	for _, service := range s {
		if service.Target == target && r.Method == http.MethodPost {
			service.serve(w, r, name)
			return
		}
	}
	refuse(w, "1.0", Fail("UnknownOperationException", "%s of %q is not served here", r.Method, r.Header.Get("X-Amz-Target")))
}

func (s Service) serve(w http.ResponseWriter, r *http.Request, name string) {
	operation, ok := s.Operations[name]
	if !ok {
		refuse(w, s.Version, Fail("UnknownOperationException", "%s.%s is not served here", s.Target, name))
		return
	}
	request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, s.Version, Fail("RequestEntityTooLargeException", "%v", err))
		return
	}
	out, err := operation(r.Context(), request)
	if err != nil {
		refuse(w, s.Version, err)
		return
	}
	answer(w, s.Version, http.StatusOK, out)
}

func refuse(w http.ResponseWriter, version string, err error) {
	status := http.StatusBadRequest
	var f *Failure
	if !errors.As(err, &f) {
		status, f = http.StatusInternalServerError, Fail("InternalFailure", "%v", err)
	}
	if f.Query != "" {
		w.Header().Set("X-Amzn-Query-Error", f.Query+";Sender")
	}
	answer(w, version, status, map[string]string{"__type": f.Code, "message": f.Message})
}

func answer(w http.ResponseWriter, version string, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("an answer has no JSON form: %v", err))
	}
	w.Header().Set("Content-Type", "application/x-amz-json-"+version)
	w.WriteHeader(status)
	_, _ = w.Write(data) // the caller may be gone
}
