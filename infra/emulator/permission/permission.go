// Package permission finds the permissions that requests to services need, in IAM's terms: who calls, which action, on
// which resource, and with which values of condition keys.
//
// It follows AWS's documentation of each service. It evaluates no policy, and allows or refuses nothing. An operation
// without a rule needs its action on every resource, so that no role that names its resources allows it.
package permission

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"drawdown/infra/emulator/iam"
	"drawdown/infra/emulator/template"
)

// anything is the resource of an operation without a rule.
const anything = "*"

// Reader returns the permissions that a request needs. It leaves the request's body as it was.
type Reader func(r *http.Request) ([]iam.Request, error)

// Watch serves as next does, and first reports which permissions whose request needs. Callers are identified by the id
// of their access key; the signature is not checked.
func Watch(next http.Handler, read Reader, report func(accessKey string, needed []iam.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		needed, err := read(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		report(accessKey(r), needed)
		next.ServeHTTP(w, r)
	})
}

// accessKey returns the id of the key that a request is signed with, by version 4 of AWS's signatures.
func accessKey(r *http.Request) string {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	id, _, _ := strings.Cut(credential, "/")
	return id
}

// readBody returns the body and leaves it to be read again.
func readBody(r *http.Request) ([]byte, error) {
	text, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	return text, err
}

func arn(service, resource string) string {
	return strings.Join([]string{"arn", template.Partition, service, template.Region, template.AccountID, resource}, ":")
}

// Services reads requests of the services that use JSON: EventBridge, SQS and Secrets Manager.
func Services(r *http.Request) ([]iam.Request, error) {
	text, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		SecretID string `json:"SecretId"`
		QueueURL string `json:"QueueUrl"`
		Entries  []struct{ EventBusName string }
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	target, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch target {
	case "AWSEvents":
		return eventbridge(operation, in.Entries), nil
	case "AmazonSQS":
		// Batches need what their parts need.
		action := "sqs:" + strings.TrimSuffix(operation, "Batch")
		return []iam.Request{{Action: action, Resource: arn("sqs", in.QueueURL[strings.LastIndexByte(in.QueueURL, '/')+1:])}}, nil
	case "secretsmanager":
		resource := in.SecretID
		if !strings.HasPrefix(resource, "arn:") {
			resource = arn("secretsmanager", "secret:"+resource)
		}
		return []iam.Request{{Action: "secretsmanager:" + operation, Resource: resource}}, nil
	}
	return []iam.Request{{Action: target + ":" + operation, Resource: anything}}, nil
}

func eventbridge(operation string, entries []struct{ EventBusName string }) []iam.Request {
	if operation != "PutEvents" {
		return []iam.Request{{Action: "events:" + operation, Resource: anything}}
	}
	needed := make([]iam.Request, 0, len(entries))
	for _, entry := range entries {
		bus := entry.EventBusName
		if bus == "" {
			bus = "default"
		}
		if !strings.HasPrefix(bus, "arn:") {
			bus = arn("events", "event-bus/"+bus)
		}
		needed = append(needed, iam.Request{Action: "events:PutEvents", Resource: bus})
	}
	return needed
}

// s3Actions are the actions of requests, by method and what they are about.
var s3Actions = map[string]string{
	"GET object": "s3:GetObject", "HEAD object": "s3:GetObject", "PUT object": "s3:PutObject", "DELETE object": "s3:DeleteObject",
	"GET bucket": "s3:ListBucket", "HEAD bucket": "s3:ListBucket", "POST bucket": "s3:DeleteObject", // of many objects
}

// S3 reads requests of S3 that have the bucket in their path.
func S3(r *http.Request) ([]iam.Request, error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	resource, kind := "arn:"+template.Partition+":s3:::"+bucket, " bucket"
	if key != "" {
		resource, kind = resource+"/"+key, " object"
	}
	action, known := s3Actions[r.Method+kind]
	if !known {
		return []iam.Request{{Action: "s3:" + r.Method, Resource: anything}}, nil
	}
	if action == "s3:DeleteObject" && key == "" {
		resource += "/*"
	}
	return []iam.Request{{Action: action, Resource: resource}}, nil
}

// Lambda reads requests of the Invoke API.
func Lambda(r *http.Request) ([]iam.Request, error) {
	parts := strings.Split(r.URL.Path, "/") // "", version, "functions", name, "invocations"
	if len(parts) != 5 || parts[4] != "invocations" {
		return []iam.Request{{Action: "lambda:" + r.Method, Resource: anything}}, nil
	}
	name := parts[3]
	if !strings.HasPrefix(name, "arn:") {
		name = arn("lambda", "function:"+name)
	}
	return []iam.Request{{Action: "lambda:InvokeFunction", Resource: name}}, nil
}
