package objects

import (
	"bytes"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// known are the query parameters that each kind of request may have. x-id merely names the operation.
var known = map[string][]string{
	"PUT object": {"x-id"}, "GET object": {"x-id"}, "HEAD object": {"x-id"}, "DELETE object": {"x-id"},
	"HEAD bucket": {"x-id"}, "POST bucket": {"x-id", "delete"},
	"GET bucket": {"x-id", "list-type", "prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type", "fetch-owner"},
}

// conditions are headers that would change what a write does.
var conditions = []string{"If-Match", "If-None-Match", "X-Amz-Copy-Source", "X-Amz-Write-Offset-Bytes"}

// failure is an error as S3 answers it.
type failure struct {
	status        int
	code, message string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

var (
	noSuchBucket = &failure{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"}
	noSuchKey    = &failure{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
)

func notImplemented(what string) *failure {
	return &failure{http.StatusNotImplemented, "NotImplemented", what + " is not served here"}
}

// ServeHTTP implements http.Handler. Signatures are not checked.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	w.Header().Set("X-Amz-Request-Id", id)
	w.Header().Set("Server", "AmazonS3")
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	err := s.serve(w, r, bucket, key)
	if err == nil {
		return
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{http.StatusBadRequest, "InvalidRequest", err.Error()}
	}
	answer(w, f.status, struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		Resource  string
		RequestID string `xml:"RequestId"`
	}{Code: f.code, Message: f.message, Resource: r.URL.Path, RequestID: id})
}

func (s *Store) serve(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	kind := r.Method + " object"
	if key == "" {
		kind = r.Method + " bucket"
	}
	parameters, ok := known[kind]
	if !ok || bucket == "" {
		return notImplemented(r.Method + " " + r.URL.Path)
	}
	for _, name := range slices.Sorted(maps.Keys(r.URL.Query())) {
		if !slices.Contains(parameters, name) {
			return notImplemented("the parameter " + name)
		}
	}
	if !s.Has(bucket) {
		return noSuchBucket
	}
	switch kind {
	case "PUT object":
		return s.put(w, r, bucket, key)
	case "GET object", "HEAD object":
		return s.get(w, r, bucket, key)
	case "DELETE object":
		s.Delete(bucket, key)
		w.WriteHeader(http.StatusNoContent)
	case "POST bucket":
		return s.deleteAll(w, r, bucket)
	case "GET bucket":
		return s.list(w, r, bucket)
	default: // HEAD bucket: it is there
	}
	return nil
}

func (s *Store) put(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	for _, name := range conditions {
		if r.Header.Get(name) != "" {
			return notImplemented("the header " + name)
		}
	}
	body, checksums, err := readBody(w, r)
	if err != nil {
		return err
	}
	header := map[string]string{"Content-Type": "binary/octet-stream"}
	for name := range r.Header {
		if isKept(name) {
			header[name] = r.Header.Get(name)
		}
	}
	maps.Copy(header, checksums)
	o, ok := s.Put(bucket, key, body, header)
	if !ok {
		return noSuchBucket
	}
	for name, value := range checksums {
		w.Header().Set(name, value)
	}
	w.Header().Set("Etag", o.ETag)
	return nil
}

// isKept reports whether a header of an upload is returned when the object is read. The body's own encoding is undone.
func isKept(name string) bool {
	switch name {
	case "Content-Type", "Content-Disposition", "Content-Language", "Cache-Control", "Expires":
		return true
	}
	return strings.HasPrefix(name, "X-Amz-Meta-")
}

func (s *Store) get(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	o, ok := s.Get(bucket, key)
	if !ok {
		return noSuchKey
	}
	for name, value := range o.Header {
		if !strings.HasPrefix(name, checksumPrefix) || r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && r.Header.Get("Range") == "" {
			w.Header().Set(name, value)
		}
	}
	w.Header().Set("Etag", o.ETag)
	// It handles ranges and conditions.
	http.ServeContent(w, r, "", o.Modified, bytes.NewReader(o.Body))
	return nil
}

func (s *Store) deleteAll(w http.ResponseWriter, r *http.Request, bucket string) error {
	body, _, err := readBody(w, r)
	if err != nil {
		return err
	}
	var request struct {
		Quiet  bool
		Object []struct{ Key string }
	}
	if err := xml.Unmarshal(body, &request); err != nil {
		return &failure{http.StatusBadRequest, "MalformedXML", err.Error()}
	}
	type deleted struct{ Key string }
	result := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []deleted
	}{}
	for _, o := range request.Object {
		s.Delete(bucket, o.Key)
		if !request.Quiet {
			result.Deleted = append(result.Deleted, deleted{o.Key})
		}
	}
	answer(w, http.StatusOK, result)
	return nil
}

func answer(w http.ResponseWriter, status int, body any) {
	data, err := xml.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("an answer has no XML form: %v", err))
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), data...)) // the caller may be gone
}
