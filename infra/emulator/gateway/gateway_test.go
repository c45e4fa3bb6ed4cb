package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/gateway"
)

// serve serves an API whose routes all lead to one function.
func serve(t *testing.T, f func(function.Invocation) function.Result, keys ...string) *httptest.Server {
	t.Helper()
	api := &gateway.API{ID: "abcdef0123", AccountID: "000000000000"}
	for _, key := range keys {
		if err := api.Route(key, gateway.Integration{Invoke: f, Timeout: 300 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return server
}

// echo answers with its event.
func echo(in function.Invocation) function.Result {
	body, _ := json.Marshal(string(in.Payload))
	return function.Result{Payload: []byte(fmt.Sprintf(`{"statusCode":200,"body":%s}`, body))}
}

func send(t *testing.T, request *http.Request) (status int, header http.Header, body string) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(data)
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEvent compares with the event that the documentation of payload format 2.0 shows.
func TestEvent(t *testing.T) {
	server := serve(t, echo, "POST /my/{thing}")
	r := request(t, "POST", server.URL+"/my/a%20path?parameter1=value1&parameter1=value2&parameter2=va%26lue&flag", strings.NewReader(`{"a":"<b>"}`))
	r.Header = http.Header{
		"Header1":         {"value1"},
		"Header2":         {"value1", "value2"},
		"Content-Type":    {"application/json; charset=utf-8"},
		"Cookie":          {"cookie1=a; cookie2=b", "cookie3=c"},
		"User-Agent":      {"agent"},
		"X-Amzn-Trace-Id": {"Root=1-2-3"},
		"Accept-Encoding": {"identity"},
	}
	_, header, body := send(t, r)
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	context, _ := got["requestContext"].(map[string]any)
	if id := context["requestId"]; id == "" || header.Get("apigw-requestid") != id {
		t.Errorf("the request id is %q in the event and %q in the response", id, header.Get("apigw-requestid"))
	}
	number, _ := context["timeEpoch"].(float64)
	epoch := int64(number)
	if age := time.Since(time.UnixMilli(epoch)); age < 0 || age > time.Minute {
		t.Errorf("timeEpoch is %d", epoch)
	}
	if want := time.UnixMilli(epoch).UTC().Format("02/Jan/2006:15:04:05 +0000"); context["time"] != want {
		t.Errorf("time is %q, want %q", context["time"], want)
	}
	for _, name := range []string{"requestId", "time", "timeEpoch"} {
		delete(context, name)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := strings.Cut(host, ":")
	var want map[string]any
	golden := strings.NewReplacer("HOST", host, "PORT", port).Replace(`{
		"version": "2.0",
		"routeKey": "POST /my/{thing}",
		"rawPath": "/my/a path",
		"rawQueryString": "parameter1=value1&parameter1=value2&parameter2=va%26lue&flag",
		"cookies": ["cookie1=a", "cookie2=b", "cookie3=c"],
		"headers": {
			"accept-encoding": "identity",
			"content-length": "11",
			"content-type": "application/json; charset=utf-8",
			"header1": "value1",
			"header2": "value1,value2",
			"host": "HOST",
			"user-agent": "agent",
			"x-amzn-trace-id": "Root=1-2-3",
			"x-forwarded-for": "127.0.0.1",
			"x-forwarded-port": "PORT",
			"x-forwarded-proto": "http"
		},
		"queryStringParameters": {"parameter1": "value1,value2", "parameter2": "va&lue", "flag": ""},
		"requestContext": {
			"accountId": "000000000000",
			"apiId": "abcdef0123",
			"domainName": "HOST",
			"domainPrefix": "127",
			"http": {"method": "POST", "path": "/my/a path", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "agent"},
			"routeKey": "POST /my/{thing}",
			"stage": "$default"
		},
		"body": "{\"a\":\"<b>\"}",
		"pathParameters": {"thing": "a path"},
		"isBase64Encoded": false
	}`)
	if err := json.Unmarshal([]byte(golden), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the event is\n%v\nwant\n%v", got, want)
	}
}

func TestASmallRequestHasNoEmptyParts(t *testing.T) {
	server := serve(t, echo, "GET /x")
	_, _, body := send(t, request(t, "GET", server.URL+"/x", nil))
	for _, name := range []string{"cookies", "queryStringParameters", "pathParameters", "stageVariables", `"body"`} {
		if strings.Contains(body, name) {
			t.Errorf("there is a %s in %s", name, body)
		}
	}
	if !strings.Contains(body, `"content-length":"0"`) || !strings.Contains(body, `"rawQueryString":""`) {
		t.Errorf("the event is %s", body)
	}
}

func TestWhichBodiesAreText(t *testing.T) {
	server := serve(t, echo, "POST /x")
	for contentType, isText := range map[string]bool{
		"text/plain": true, "text/csv; charset=utf-8": true, "application/json": true, "Application/JSON": true,
		"application/xml": true, "application/javascript": true,
		"application/problem+json": false, "application/x-www-form-urlencoded": false, "application/octet-stream": false,
		"image/png": false, "multipart/form-data; boundary=x": false, "": false,
	} {
		r := request(t, "POST", server.URL+"/x", strings.NewReader("a=b"))
		r.Header.Set("Content-Type", contentType)
		_, _, body := send(t, r)
		want := `"body":"YT1i","isBase64Encoded":true`
		if isText {
			want = `"body":"a=b","isBase64Encoded":false`
		}
		if !strings.Contains(body, want) {
			t.Errorf("%q: %s is not in %s", contentType, want, body)
		}
	}
}

func TestRoutes(t *testing.T) {
	server := serve(t, echo, "GET /pets", "GET /pets/{id}", "GET /pets/dog", "ANY /pets/{id}", "POST /pets/{rest+}",
		"GET /{proxy+}", "ANY /any/{a}/{b}", "GET /{kind}/dog/{n}", "GET /{kind}/{name}/1", "GET /")
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/pets", "GET /pets"},
		{"GET", "/pets/dog", "GET /pets/dog"},
		{"GET", "/pets/1", "GET /pets/{id} id=1"},
		{"PUT", "/pets/1", "ANY /pets/{id} id=1"},
		{"POST", "/pets/1", "ANY /pets/{id} id=1"}, // a parameter goes before a greedy one, whatever the method
		{"POST", "/pets/1/2", "POST /pets/{rest+} rest=1/2"},
		{"GET", "/pets/dog/1", "GET /{kind}/dog/{n} kind=pets n=1"},
		{"GET", "/pets/cat/1", "GET /{kind}/{name}/1 kind=pets name=cat"},
		{"GET", "/pets/cat/2", "GET /{proxy+} proxy=pets/cat/2"},
		{"GET", "/pets/", "GET /{proxy+} proxy=pets/"},
		{"GET", "/pets/%20%2B+", "GET /pets/{id} id= ++"},
		{"GET", "/any/1%2F2", "ANY /any/{a}/{b} a=1 b=2"}, // the path is decoded before a route is sought
		{"GET", "/", "GET /"},
		{"DELETE", "/pets", "404"},
		{"HEAD", "/pets", "404"},
		{"POST", "/", "404"},
	} {
		if got := routed(t, server.URL, c.method, c.path); got != c.want {
			t.Errorf("%s %s goes to %s, want %s", c.method, c.path, got, c.want)
		}
	}
	withDefault := serve(t, echo, "$default", "GET /pets")
	for path, want := range map[string]string{"/pets": "GET /pets", "/other/one": "$default"} {
		if got := routed(t, withDefault.URL, "GET", path); got != want {
			t.Errorf("%s goes to %s, want %s", path, got, want)
		}
	}
}

// routed says which route a request took, and with what parameters in the order of the route.
func routed(t *testing.T, url, method, path string) string {
	t.Helper()
	status, _, body := send(t, request(t, method, url+path, nil))
	if status != http.StatusOK {
		return fmt.Sprint(status)
	}
	var event struct {
		RouteKey       string            `json:"routeKey"`
		PathParameters map[string]string `json:"pathParameters"`
	}
	if err := json.Unmarshal([]byte(body), &event); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	result := event.RouteKey
	for _, name := range regexp.MustCompile(`\{(\w+)\+?\}`).FindAllStringSubmatch(event.RouteKey, -1) {
		result += " " + name[1] + "=" + event.PathParameters[name[1]]
	}
	return result
}

func TestRouteKeysThatCannotBeUnderstood(t *testing.T) {
	for _, key := range []string{"", "GET", "get /x", "GET x", "GET /{a+}/b", "GET /{}", "GET /a{b}"} {
		if err := new(gateway.API).Route(key, gateway.Integration{}); err == nil {
			t.Errorf("%q is taken", key)
		}
	}
}

func TestResponses(t *testing.T) {
	const failed = `500 application/json {"message":"Internal Server Error"}`
	for payload, want := range map[string]string{
		`{"statusCode":201,"headers":{"content-type":"application/json","x-n":7},"body":"{}"}`: "201 application/json {}",
		`{"statusCode":"404","body":"gone"}`:                                                   "404 text/plain;charset=UTF-8 gone",
		`{"statusCode":200,"body":"aMOk","isBase64Encoded":true}`:                              "200 text/plain;charset=UTF-8 hä",
		`{"statusCode":204}`: "204 text/plain;charset=UTF-8 ",
		`{"statusCode":200,"headers":null,"cookies":null,"body":null}`: "200 text/plain;charset=UTF-8 ",
		`{"statusCode":200,"body":"%%%","isBase64Encoded":true}`:       failed,
		`{"statusCode":0,"body":""}`:                                   failed,
		`{"statusCode":null}`:                                          failed,
		`{"statusCode":200,"body":{}}`:                                 failed,
		`not JSON`:                                                     failed,
		`{"message":"Hello"}`:                                          `200 application/json {"message":"Hello"}`,
		`"Hello from Lambda!"`:                                         "200 application/json Hello from Lambda!",
		`[1]`:                                                          "200 application/json [1]",
		`null`:                                                         "200 application/json null",
	} {
		server := serve(t, func(function.Invocation) function.Result { return function.Result{Payload: []byte(payload)} }, "$default")
		status, header, body := send(t, request(t, "GET", server.URL+"/", nil))
		if got := fmt.Sprintf("%d %s %s", status, header.Get("Content-Type"), body); got != want {
			t.Errorf("%s becomes %s, want %s", payload, got, want)
		}
	}
}

func TestResponseHeadersAndCookies(t *testing.T) {
	payload := `{"statusCode":200,"headers":{"x-a":"1,2","Connection":"close","Content-Length":"99","x-b":true},"cookies":["a=1; Secure","b=2"],"body":"x"}`
	server := serve(t, func(function.Invocation) function.Result { return function.Result{Payload: []byte(payload)} }, "$default")
	_, h, body := send(t, request(t, "GET", server.URL+"/", nil))
	if body != "x" || h.Get("Connection") != "" || h.Get("X-A") != "1,2" || h.Get("X-B") != "true" ||
		!reflect.DeepEqual(h["Set-Cookie"], []string{"a=1; Secure", "b=2"}) {
		t.Errorf("%q %v", body, h)
	}
}

func TestFailures(t *testing.T) {
	server := serve(t, func(in function.Invocation) function.Result {
		if strings.Contains(string(in.Payload), `"rawPath":"/slow"`) {
			time.Sleep(time.Second)
		}
		return function.Result{Payload: []byte(`{"statusCode":200}`), FunctionError: "Unhandled"}
	}, "$default")
	for _, c := range []struct {
		path string
		body string
		want string
	}{
		{"/fails", "", `500 {"message":"Internal Server Error"}`},
		{"/slow", "", `503 {"message":"Service Unavailable"}`},
		{"/large", strings.Repeat("x", gateway.BodyLimit+1), `413 {"message":"Request Entity Too Large"}`},
		{"/payload", strings.Repeat("x", function.PayloadLimit), `413 {"message":"Request Entity Too Large"}`},
	} {
		r := request(t, "POST", server.URL+c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "text/plain")
		status, header, body := send(t, r)
		if got := fmt.Sprintf("%d %s", status, body); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
		if header.Get("apigw-requestid") == "" {
			t.Errorf("%s: there is no apigw-requestid", c.path)
		}
	}
}
