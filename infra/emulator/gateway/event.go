package gateway

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// event is the payload of an integration with payload format 2.0.
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	StageVariables        map[string]string `json:"stageVariables,omitempty"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"`
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// event converts a request to payload format 2.0. The domain is the host that the caller used, so that a link which a
// function builds from it leads back here.
func (a *API) event(r *http.Request, body []byte, m match, requestID, traceID string) []byte {
	now := time.Now().UTC()
	sourceIP, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		sourceIP = r.RemoteAddr
	}
	prefix, _, _ := strings.Cut(r.Host, ".")
	e := event{
		Version:               "2.0",
		RouteKey:              m.route.key,
		RawPath:               r.URL.Path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               headers(r, len(body), sourceIP, traceID),
		QueryStringParameters: queryParameters(r.URL.RawQuery),
		PathParameters:        m.parameters,
		StageVariables:        a.StageVariables,
		RequestContext: requestContext{
			AccountID:    a.AccountID,
			APIID:        a.ID,
			DomainName:   r.Host,
			DomainPrefix: prefix,
			HTTP: httpContext{
				Method:    r.Method,
				Path:      r.URL.Path,
				Protocol:  r.Proto,
				SourceIP:  sourceIP,
				UserAgent: r.UserAgent(),
			},
			RequestID: requestID,
			RouteKey:  m.route.key,
			Stage:     "$default",
			Time:      now.Format("02/Jan/2006:15:04:05 -0700"),
			TimeEpoch: now.UnixMilli(),
		},
	}
	switch {
	case len(body) == 0:
	case isText(r.Header.Get("Content-Type")):
		e.Body = string(body)
	default:
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers always have a JSON form
	}
	return data
}

// hopByHop are the headers that concern one connection only, and are not forwarded in either direction.
var hopByHop = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-authenticate": true, "proxy-authorization": true,
	"proxy-connection": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
}

func headers(r *http.Request, bodyLength int, sourceIP, traceID string) map[string]string {
	result := map[string]string{}
	for name, values := range r.Header {
		if lower := strings.ToLower(name); !hopByHop[lower] && lower != "cookie" {
			result[lower] = strings.Join(values, ",")
		}
	}
	result["host"] = r.Host
	result["content-length"] = strconv.Itoa(bodyLength)
	result["x-amzn-trace-id"] = traceID
	forwarded := append(r.Header.Values("X-Forwarded-For"), sourceIP)
	result["x-forwarded-for"] = strings.Join(forwarded, ", ")
	result["x-forwarded-proto"] = "http"
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		result["x-forwarded-port"] = port
	} else {
		result["x-forwarded-port"] = "80"
	}
	return result
}

func cookies(h http.Header) []string {
	var list []string
	for _, header := range h.Values("Cookie") {
		for cookie := range strings.SplitSeq(header, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				list = append(list, cookie)
			}
		}
	}
	return list
}

// queryParameters decodes a query; values of one name are joined with commas, in their order. What cannot be decoded is
// left as it is.
func queryParameters(query string) map[string]string {
	var result map[string]string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		if result == nil {
			result = map[string]string{}
		}
		if before, ok := result[name]; ok {
			value = before + "," + value
		}
		result[name] = value
	}
	return result
}

func unescape(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

func isText(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		mediaType, _, _ = strings.Cut(strings.ToLower(contentType), ";")
		mediaType = strings.TrimSpace(mediaType)
	}
	switch mediaType {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(mediaType, "text/")
}
