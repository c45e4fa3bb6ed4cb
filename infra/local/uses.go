package local

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"drawdown/infra/iam"
	"drawdown/infra/local/permission"
)

// proxyConnections is how many idle connections to DynamoDB Local are kept: as many as functions ask at once.
const proxyConnections = 256

// credentialOf is the id of the access key that a function has, as its role has one in AWS.
func credentialOf(function string) string {
	return fmt.Sprintf("%s%X", accessKeyID, sha256.Sum256([]byte(function)))[:len(accessKeyID)+8]
}

// watched reports what functions use of a service, if somebody wants to know.
func (p *Platform) watched(service http.Handler, read permission.Reader) http.Handler {
	if p.options.Uses == nil {
		return service
	}
	return permission.Watch(service, read, func(accessKey string, needed []iam.Request) {
		for _, f := range p.functions {
			if credentialOf(f.Name()) == accessKey { // others are tests and tools
				for _, use := range needed {
					p.options.Uses(f.Name(), use)
				}
			}
		}
	})
}

// watchDynamoDB puts itself before DynamoDB Local, if somebody wants to know what functions use of it.
func (p *Platform) watchDynamoDB(ctx context.Context) error {
	if p.options.Uses == nil {
		return nil
	}
	target, err := url.Parse(p.dynamodb.URL)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.dynamodbProxy = "http://" + listener.Addr().String()
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConns: proxyConnections, MaxIdleConnsPerHost: proxyConnections, DisableCompression: true},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil { // otherwise the function is gone, which tests kill
				p.log("DynamoDB", err.Error())
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	p.serve(listener, p.watched(proxy, permission.DynamoDB(p.partitionOf)))
	return nil
}

// functionsDynamoDBURL is where functions find DynamoDB.
func (p *Platform) functionsDynamoDBURL() string {
	if p.dynamodbProxy != "" {
		return p.dynamodbProxy
	}
	return p.DynamoDBURL()
}

// partitionOf is the name of the attribute that a table of the template, or one of its indexes, is partitioned by.
func (p *Platform) partitionOf(name, index string) (string, error) {
	for _, t := range p.tables {
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
func (p *Platform) Construct(arn string) (name, rest string) {
	for _, r := range p.stack.Resources() {
		own, err := p.attribute(r, "Arn")
		if err != nil { // the reference to a secret is its ARN
			own, _ = p.attribute(r, "")
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

// hashLength is the length of what CDK puts after a construct's name.
const hashLength = 8
