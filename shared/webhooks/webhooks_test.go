package webhooks

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"drawdown/events"
)

// vectorSecret and the signature below are the example of the standard's own
// libraries.
const vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestTheStandardsVector(t *testing.T) {
	const id, body, want = "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	at := time.Unix(1614265330, 0)
	got, err := Sign([]string{vectorSecret}, id, at, []byte(body))
	if err != nil || got != want {
		t.Errorf("signature %s, %v; want %s", got, err, want)
	}
}

func headers(id, timestamp, signature string) func(string) string {
	h := http.Header{}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, signature)
	return h.Get
}

func TestVerify(t *testing.T) {
	at := time.Unix(1_795_426_200, 0)
	const timestamp = "1795426200"
	body := []byte(`{"id":"acme#1#balance.low"}`)
	old, present := NewSecret(), NewSecret()
	both, err := Sign([]string{present, old}, "msg_1", at, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		secret, id, timestamp, signature string
		body                             string
		now                              time.Time
		want                             error
	}{
		"the present secret":        {present, "msg_1", timestamp, both, string(body), at, nil},
		"the one before":            {old, "msg_1", timestamp, both, string(body), at, nil},
		"within the tolerance":      {old, "msg_1", timestamp, both, string(body), at.Add(5 * time.Minute), nil},
		"too late":                  {old, "msg_1", timestamp, both, string(body), at.Add(5*time.Minute + time.Second), ErrSignature},
		"too early":                 {old, "msg_1", timestamp, both, string(body), at.Add(-5*time.Minute - time.Second), ErrSignature},
		"another secret":            {NewSecret(), "msg_1", timestamp, both, string(body), at, ErrSignature},
		"another id":                {present, "msg_2", timestamp, both, string(body), at, ErrSignature},
		"another time":              {present, "msg_1", "1795426201", both, string(body), at, ErrSignature},
		"another body":              {present, "msg_1", timestamp, both, string(body) + " ", at, ErrSignature},
		"no id":                     {present, "", timestamp, both, string(body), at, ErrSignature},
		"no time":                   {present, "msg_1", "now", both, string(body), at, ErrSignature},
		"no signature":              {present, "msg_1", timestamp, "", string(body), at, ErrSignature},
		"another version":           {present, "msg_1", timestamp, strings.ReplaceAll(both, "v1,", "v2,"), string(body), at, ErrSignature},
		"what is no secret at all":  {"whsec_", "msg_1", timestamp, both, string(body), at, ErrSecret},
		"a secret without its mark": {strings.TrimPrefix(present, "whsec_"), "msg_1", timestamp, both, string(body), at, ErrSecret},
	} {
		if err := Verify(c.secret, headers(c.id, c.timestamp, c.signature), []byte(c.body), c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := Sign([]string{"secret"}, "msg_1", at, body); !errors.Is(err, ErrSecret) {
		t.Errorf("signed with no secret: %v", err)
	}
}

var at = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func delivery() Delivery {
	message := events.New(events.BalanceLow, "a.b:c", 42, at, nil)
	return NewDelivery("ops", message, `{"id":"a.b:c#42#balance.low"}`)
}

// Ids never change: receivers recognize repeated messages by them.
func TestIDsAreGolden(t *testing.T) {
	d := delivery()
	if want := "1795514400000-vyvcy647tr2hkeltm75rhiq4"; d.ID != want {
		t.Errorf("delivery %s, want like %s", d.ID, want)
	}
	id := MessageID(d.EventID)
	if id != "msg_"+d.ID[14:] || id != MessageID("a.b:c#42#balance.low") || id == MessageID("a.b:c#43#balance.low") {
		t.Errorf("message %s", id)
	}
	if early := DeliveryID(events.New(events.BalanceLow, "a", 1, time.Time{}, nil)); early > d.ID {
		t.Errorf("%s is not before %s", early, d.ID)
	}
}

func TestASecretReplacedSignsForADay(t *testing.T) {
	e := Endpoint{Secret: "old"}
	if got := e.Secrets(at); len(got) != 1 {
		t.Errorf("a new endpoint has the secrets %v", got)
	}
	e = e.Rotated("new", at)
	if got := e.Secrets(at.Add(24*time.Hour - time.Second)); len(got) != 2 || got[0] != "new" || got[1] != "old" {
		t.Errorf("within the day the secrets are %v", got)
	}
	if got := e.Secrets(at.Add(24 * time.Hour)); len(got) != 1 || got[0] != "new" {
		t.Errorf("after the day the secrets are %v", got)
	}
}

func TestWants(t *testing.T) {
	for _, c := range []struct {
		endpoint Endpoint
		want     bool
	}{
		{Endpoint{Enabled: true}, true},
		{Endpoint{}, false},
		{Endpoint{Enabled: true, Events: []events.Type{events.BalanceLow}}, true},
		{Endpoint{Enabled: true, Events: []events.Type{events.PlanChanged}}, false},
	} {
		if c.endpoint.Wants(events.BalanceLow) != c.want {
			t.Errorf("%+v wants it: %t", c.endpoint, !c.want)
		}
	}
}

func TestTriesAreAsScheduled(t *testing.T) {
	d, now := delivery(), at
	want := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	for i, wait := range want {
		d = d.After(Result{Status: 500, Error: "x"}, now)
		got := d.NextAttemptAt.Sub(now)
		if d.State != Pending || d.Attempts != i+1 || got < wait || got > wait+wait/5 {
			t.Fatalf("after try %d it is %s, due in %s; want %s", i+1, d.State, got, wait)
		}
		now = d.NextAttemptAt
	}
	d = d.After(Result{Error: "x"}, now)
	if d.State != Failed || !d.NextAttemptAt.IsZero() || d.Attempts != 10 || d.LastStatus != 0 || d.LastError != "x" {
		t.Errorf("after the last try it is %+v", d)
	}
	if d := delivery().After(Result{Status: 204}, at); d.State != Delivered || !d.NextAttemptAt.IsZero() || d.LastError != "" {
		t.Errorf("delivered it is %+v", d)
	}
	if d := delivery().After(Result{Status: 410}, at); d.State != Failed || !d.NextAttemptAt.IsZero() {
		t.Errorf("gone it is %+v", d)
	}
	if d := delivery().Abandoned("off"); d.State != Failed || d.LastError != "off" || d.Attempts != 0 {
		t.Errorf("abandoned it is %+v", d)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string][2]bool{ // deployed, and in development
		"https://example.com/hooks?token=a":  {true, true},
		"https://example.com:8443":           {true, true},
		"https://93.184.216.34/x":            {true, true},
		"http://example.com/hooks":           {false, false},
		"http://127.0.0.1:9000/hooks":        {false, true},
		"http://[::1]:9000/hooks":            {false, true},
		"http://localhost:9000/hooks":        {false, true},
		"https://localhost/hooks":            {false, true},
		"https://10.0.0.1/hooks":             {false, true},
		"https://169.254.169.254/latest":     {false, true},
		"https://[::ffff:169.254.169.254]/x": {false, true},
		"http://10.0.0.1/hooks":              {false, false},
		"https://user:pw@example.com/":       {false, false},
		"https://example.com/#a":             {false, false},
		"https:///hooks":                     {false, false},
		"https:example.com":                  {false, false},
		"ftp://example.com":                  {false, false},
		"/hooks":                             {false, false},
		"":                                   {false, false},
		"https://exa mple.com":               {false, false},
	} {
		for i, local := range []bool{false, true} {
			if reason := CheckURL(text, local); (reason == "") != want[i] {
				t.Errorf("%q, local %t: %q", text, local, reason)
			}
		}
	}
}
