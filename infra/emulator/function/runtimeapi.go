package function

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// runtimeAPI serves the Lambda Runtime API, and the part of the Extensions API that a runtime needs to be sent SIGTERM.
func (e *environment) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", e.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", e.invocationError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", e.initError)
	mux.HandleFunc("POST /2020-01-01/extension/register", e.register)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", e.extensionNext)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "UnknownOperation", r.Method+" "+r.URL.Path)
	})
	return mux
}

// next passes the process its next event, however long it has to wait for one.
func (e *environment) next(w http.ResponseWriter, req *http.Request) {
	e.once.ready.Do(func() {
		e.mu.Lock()
		e.initDuration = time.Since(e.started)
		e.mu.Unlock()
		close(e.ready)
	})
	select {
	case r := <-e.events:
		if req.Context().Err() != nil { // the process is gone; its end is noticed, and the event is not lost
			e.events <- r
			return
		}
		e.mu.Lock()
		e.current = r
		e.mu.Unlock()
		r.take()
		e.log("START RequestId: " + r.id + " Version: " + Version)
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", r.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(r.deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", e.function.config.ARN)
		header.Set("Lambda-Runtime-Trace-Id", r.TraceID)
		if r.ClientContext != "" {
			header.Set("Lambda-Runtime-Client-Context", r.ClientContext)
		}
		_, _ = w.Write(r.Payload) // the end of the process is noticed elsewhere
	case <-req.Context().Done():
	case <-e.closing:
	}
}

// answered ends the current run if it has this id.
func (e *environment) answered(w http.ResponseWriter, id string) *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == nil || e.current.id != id {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	}
	r := e.current
	e.current = nil
	return r
}

func (e *environment) response(w http.ResponseWriter, req *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, req.Body, PayloadLimit+1))
	tooLarge := len(payload) > PayloadLimit
	if err != nil && !tooLarge {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	r := e.answered(w, req.PathValue("id"))
	if r == nil {
		return
	}
	switch {
	case tooLarge:
		failure := Failure{"Function.ResponseSizeTooLarge", fmt.Sprintf(
			"Response payload size exceeded maximum allowed payload size (%d bytes).", PayloadLimit)}
		r.outcome <- failed(failure)
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", failure.Message)
		return
	case req.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "":
		// The handler's reader failed half-way: what was sent is not an answer.
		body, _ := base64.StdEncoding.DecodeString(req.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		r.outcome <- outcome{payload: body, functionError: unhandled, at: time.Now()}
	default:
		r.outcome <- outcome{payload: payload, at: time.Now(), awaitTail: r.WantTail}
	}
	accept(w)
}

func (e *environment) invocationError(w http.ResponseWriter, req *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, req.Body, PayloadLimit))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	if r := e.answered(w, req.PathValue("id")); r != nil {
		r.outcome <- outcome{payload: payload, functionError: unhandled, at: time.Now(), awaitTail: r.WantTail}
		accept(w)
	}
}

func (e *environment) initError(w http.ResponseWriter, req *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, req.Body, PayloadLimit))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	select {
	case e.initErr <- payload:
		accept(w)
	default:
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the error of the initialisation was reported already")
	}
}

func (e *environment) register(w http.ResponseWriter, req *http.Request) {
	name := req.Header.Get("Lambda-Extension-Name")
	if name == "" {
		refuse(w, http.StatusBadRequest, "Extension.InvalidExtensionName", "Lambda-Extension-Name is missing")
		return
	}
	var body struct {
		Events []string `json:"events"`
	}
	if err := json.NewDecoder(req.Body).Decode(&body); err != nil || len(body.Events) > 0 {
		// An extension within the runtime may not register for SHUTDOWN, and with INVOKE it would have to be sent every
		// event.
		refuse(w, http.StatusForbidden, "Extension.InvalidEventType", "an extension may register for no event here")
		return
	}
	w.Header().Set("Lambda-Extension-Identifier", NewRequestID())
	writeJSON(w, http.StatusOK, map[string]string{
		"functionName": e.function.config.Name, "functionVersion": Version, "handler": "bootstrap",
	})
}

// extensionNext never answers: no extension is registered for any event.
func (e *environment) extensionNext(_ http.ResponseWriter, req *http.Request) {
	select {
	case <-req.Context().Done():
	case <-e.closing:
	}
}

func accept(w http.ResponseWriter) {
	writeJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	writeJSON(w, status, Failure{Type: errorType, Message: message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the end of the process is noticed elsewhere
}
