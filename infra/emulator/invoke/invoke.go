// Package invoke serves the Invoke operation of the Lambda API, for callers that invoke a function by the AWS SDK.
package invoke

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"drawdown/infra/emulator/function"
)

// API is the Lambda API for a set of functions. Signatures are not checked.
type API struct {
	Find func(name string) *function.Function // nil where there is none
}

const (
	prefix = "/2015-03-31/functions/"
	suffix = "/invocations"
)

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	spelled, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
	spelled, isInvoke := strings.CutSuffix(spelled, suffix)
	if !ok || !isInvoke || r.Method != http.MethodPost {
		refuse(w, http.StatusNotFound, "UnknownOperationException", r.Method+" "+r.URL.Path+" is not served here")
		return
	}
	name, err := url.PathUnescape(spelled)
	if err != nil {
		name = spelled
	}
	f := a.find(name, r.URL.Query().Get("Qualifier"))
	if f == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return
	}
	invoke(w, r, f)
}

// find accepts a function's name, its ARN or a part of it, each with or without a qualifier.
func (a *API) find(name, qualifier string) *function.Function {
	if _, after, ok := strings.Cut(name, ":function:"); ok {
		name = after
	}
	name, own, _ := strings.Cut(name, ":")
	for _, q := range []string{own, qualifier} {
		if q != "" && q != function.Version {
			return nil
		}
	}
	return a.Find(name)
}

func invoke(w http.ResponseWriter, r *http.Request, f *function.Function) {
	kind := r.Header.Get("X-Amz-Invocation-Type")
	limit := int64(function.PayloadLimit)
	if kind == "Event" {
		limit = function.AsyncPayloadLimit
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", fmt.Sprintf(
			"%s byte payload is too large for the %s invocation type (limit %d bytes)", size(r), kind, limit))
		return
	} else if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not read the request body")
		return
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if !json.Valid(payload) {
		refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return
	}
	in := function.Invocation{
		Payload:  payload,
		TraceID:  r.Header.Get("X-Amzn-Trace-Id"),
		WantTail: r.Header.Get("X-Amz-Log-Type") == "Tail",
	}
	if context := r.Header.Get("X-Amz-Client-Context"); context != "" {
		decoded, err := base64.StdEncoding.DecodeString(context)
		if err != nil || !json.Valid(decoded) {
			refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
			return
		}
		in.ClientContext = string(decoded)
	}
	switch kind {
	case "", "RequestResponse":
		answer(w, f.Invoke(in), in.WantTail)
	case "Event":
		f.InvokeAsync(in)
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusBadRequest, "InvalidParameterValueException", "Unknown invocation type "+strconv.Quote(kind))
	}
}

func answer(w http.ResponseWriter, result function.Result, withTail bool) {
	header := w.Header()
	header.Set("X-Amzn-Requestid", result.RequestID)
	header.Set("X-Amz-Executed-Version", function.Version)
	header.Set("Content-Type", "application/json")
	if result.FunctionError != "" {
		header.Set("X-Amz-Function-Error", result.FunctionError)
	}
	if withTail {
		header.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(result.LogTail))
	}
	_, _ = w.Write(result.Payload) // the caller may be gone
}

func size(r *http.Request) string {
	if r.ContentLength < 0 {
		return "the"
	}
	return strconv.FormatInt(r.ContentLength, 10)
}

// refuse answers as the Lambda API does.
func refuse(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", errorType)
	w.WriteHeader(status)
	// The caller may be gone.
	_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message, "message": message})
}
