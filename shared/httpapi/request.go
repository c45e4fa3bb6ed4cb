package httpapi

import (
	"encoding/base64"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"drawdown/shared/access"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// MaxBody is the largest body that is accepted, in bytes.
const MaxBody = 256 << 10

// Request is a request that has passed the middleware.
type Request struct {
	Caller    access.Caller
	Operation ledger.OperationID // of a keyed route

	token  string
	path   map[string]string
	query  map[string]string
	header map[string]string
	body   []byte
	host   string // from the request
}

func newRequest(event *events.APIGatewayV2HTTPRequest) (*Request, error) {
	request := &Request{
		path:   event.PathParameters,
		query:  event.QueryStringParameters,
		header: event.Headers,
		body:   []byte(event.Body),
		host:   event.RequestContext.DomainName,
	}
	if event.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return nil, fault.New(fault.MalformedJSON, "The body cannot be decoded.")
		}
		request.body = body
	}
	scheme, token, _ := strings.Cut(event.Headers["authorization"], " ")
	if strings.EqualFold(scheme, "Bearer") {
		request.token = strings.TrimSpace(token)
	}
	return request, nil
}

// PathID is an id in the path, such as "account_id". It fails with
// fault.InvalidRequest if the text is not an id.
func (r *Request) PathID(name string) (string, error) {
	id := r.path[name]
	if !isID(id) {
		return "", fault.Invalid(fault.Param{Name: name, Reason: idRule})
	}
	return id, nil
}

// Origin is the scheme and host of the platform, as the caller reached it.
func (r *Request) Origin() string {
	scheme := "https"
	if r.header["x-forwarded-proto"] == "http" {
		scheme = "http"
	}
	return scheme + "://" + r.host
}

// slashes unescapes slashes. API Gateway decodes a path before it splits it into
// segments, so a slash within an id must have been escaped twice.
var slashes = strings.NewReplacer("%252F", "%2F", "%252f", "%2f", "%2F", "/", "%2f", "/")

// PathOperation is the operation id of the path.
func (r *Request) PathOperation() (ledger.OperationID, error) {
	id, ok := ledger.CallerOperation(slashes.Replace(r.path["operation_id"]))
	if !ok {
		return "", fault.Invalid(fault.Param{Name: "operation_id", Reason: keyRule})
	}
	return id, nil
}

const keyRule = "must be 1 to 128 visible ASCII characters"

// idempotencyKey reads the header's value, quoted as a string of RFC 8941 or bare.
func idempotencyKey(header string) (ledger.OperationID, error) {
	text := strings.TrimSpace(header)
	if text == "" {
		return "", fault.New(fault.IdempotencyKeyMissing, "Send an Idempotency-Key header with an id of your choice, the same one with every retry; it %s.", keyRule)
	}
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		text = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(text[1 : len(text)-1])
	}
	id, ok := ledger.CallerOperation(text)
	if !ok {
		return "", fault.Invalid(fault.Param{Name: "Idempotency-Key", Reason: keyRule})
	}
	return id, nil
}
