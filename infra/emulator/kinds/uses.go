package kinds

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"drawdown/infra/emulator/iam"
	"drawdown/infra/emulator/permission"
)

// proxyConnections is how many idle connections to DynamoDB Local are kept: as many as functions use at once.
const proxyConnections = 256

// credentialOf returns the id of the access key that a function has, as its role has one in AWS.
func credentialOf(function string) string {
	return fmt.Sprintf("%s%X", accessKeyID, sha256.Sum256([]byte(function)))[:len(accessKeyID)+8]
}

// watched reports what functions use of a service, if Uses is set.
func (s *Set) watched(service http.Handler, read permission.Reader) http.Handler {
	if s.uses == nil {
		return service
	}
	return permission.Watch(service, read, func(accessKey string, needed []iam.Request) {
		for _, name := range s.Functions.Names() {
			if credentialOf(name) == accessKey { // others are tests and tools
				for _, use := range needed {
					s.uses(name, use)
				}
			}
		}
	})
}

// watchTables puts a proxy between functions and DynamoDB Local, if Uses is set.
func (s *Set) watchTables(ctx context.Context) error {
	s.Tables.forFunctions = s.Tables.URL
	if s.uses == nil || s.Tables.URL == "" {
		return nil
	}
	target, err := url.Parse(s.Tables.URL)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConns: proxyConnections, MaxIdleConnsPerHost: proxyConnections, DisableCompression: true},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil { // otherwise the function is gone, which tests kill
				s.host.Log("DynamoDB", err.Error())
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	s.Tables.forFunctions = "http://" + listener.Addr().String()
	s.tablesProxy = &http.Server{Handler: s.watched(proxy, permission.DynamoDB(s.Tables.partitionOf)), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.tablesProxy.Serve(listener) }() // ends when the tables are stopped
	return nil
}

// StopTables stops DynamoDB Local, and the proxy before it. No function may run any more.
func (s *Set) StopTables() {
	if s.tablesProxy != nil {
		_ = s.tablesProxy.Close() // nobody sends requests any more
	}
	s.Tables.Stop()
}

// partitionOf is the name of the attribute that a table of the template, or one of its indexes, is partitioned by.
func (k *Tables) partitionOf(name, index string) (string, error) {
	for _, t := range k.tables {
		if t.name != name {
			continue
		}
		schema := t.input.KeySchema
		if index != "" {
			schema = nil
		}
		for _, one := range t.input.GlobalSecondaryIndexes {
			if aws.ToString(one.IndexName) == index {
				schema = one.KeySchema
			}
		}
		for _, one := range t.input.LocalSecondaryIndexes {
			if aws.ToString(one.IndexName) == index {
				schema = one.KeySchema
			}
		}
		for _, element := range schema {
			if element.KeyType == "HASH" {
				return aws.ToString(element.AttributeName), nil
			}
		}
	}
	return "", fmt.Errorf("the template has no table %q with the index %q", name, index)
}

// Construct is the name of the construct whose resource has this ARN, or an ARN that this one begins with, and what comes
// after that. It is empty if no resource of the template has.
func (s *Set) Construct(arn string) (name, rest string) {
	for _, r := range s.host.Resources() {
		own, err := s.attribute(r, "Arn")
		if err != nil { // the reference to a secret is its ARN
			own, _ = s.attribute(r, "")
		}
		text, _ := own.(string)
		rest, found := strings.CutPrefix(arn, text)
		if found && text != "" && (rest == "" || rest[0] == '/') {
			id := r.LogicalID
			if name := id[:max(0, len(id)-hashLength)]; isConstruct(id, name) {
				id = name
			}
			return id, rest
		}
	}
	return "", ""
}
