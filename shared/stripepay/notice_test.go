package stripepay_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/stripepay"
)

const secret = "whsec_test"

const event = `{"id":"evt_1","object":"event","type":"invoice.paid","created":1790000000,"livemode":true,"api_version":"2020-08-27",` +
	`"data":{"object":{"id":"in_1","object":"invoice","metadata":{"a":"b"}}},"pending_webhooks":1}`

func header(at time.Time, scheme, secret, payload string) string {
	return fmt.Sprintf("t=%d,%s=%s", at.Unix(), scheme, hex.EncodeToString(stripe.ComputeSignature(at, []byte(payload), secret)))
}

func TestASignedNoticeIsRead(t *testing.T) {
	now := time.Unix(1790000100, 0).UTC()
	want := stripepay.Notice{
		ID: "evt_1", Type: "invoice.paid", Created: time.Unix(1790000000, 0).UTC(), ObjectID: "in_1", ObjectType: "invoice", LiveMode: true, APIVersion: "2020-08-27",
	}
	other := header(now, "v1", "whsec_next", event)
	_, signature, _ := strings.Cut(header(now, "v1", secret, event), ",")
	for name, c := range map[string]struct {
		header  string
		secrets []string
	}{
		"one secret":              {header(now, "v1", secret, event), []string{secret}},
		"the old one of two":      {header(now, "v1", secret, event), []string{"whsec_next", secret}},
		"the new one of two":      {other, []string{"whsec_next", secret}},
		"signed with both":        {header(now, "v1", secret, event) + "," + other[strings.Index(other, ",")+1:], []string{"whsec_next"}},
		"almost too old":          {header(now.Add(-5*time.Minute), "v1", secret, event), []string{secret}},
		"a clock that is ahead":   {header(now.Add(time.Minute), "v1", secret, event), []string{secret}},
		"with an unknown scheme":  {header(now, "v1", secret, event) + ",v0=00", []string{secret}},
		"an empty secret is none": {header(now, "v1", secret, event), []string{"", secret}},
		"an older time before":    {fmt.Sprintf("t=%d,", now.Add(-time.Hour).Unix()) + header(now, "v1", secret, event), []string{secret}},
		"a later time before":     {fmt.Sprintf("t=%d,", now.Add(time.Hour).Unix()) + header(now, "v1", secret, event), []string{secret}},
		"the signature first":     {signature + fmt.Sprintf(",t=%d", now.Unix()), []string{secret}},
		"the signature twice":     {header(now, "v1", secret, event) + "," + signature, []string{secret}},
		"among false signatures":  {strings.Replace(header(now, "v1", secret, event), ",", ",v1=00,v1=none,", 1) + ",v1=" + strings.Repeat("00", 32), []string{secret}},
	} {
		got, err := stripepay.Verify([]byte(event), c.header, c.secrets, now)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAForgedNoticeIsRefused(t *testing.T) {
	now := time.Unix(1790000100, 0)
	good := header(now, "v1", secret, event)
	moment, signature, _ := strings.Cut(good, ",")
	for name, c := range map[string]struct {
		payload, header string
		secrets         []string
	}{
		"another secret":      {event, header(now, "v1", "whsec_other", event), []string{secret}},
		"no secret":           {event, good, nil},
		"an empty secret":     {event, header(now, "v1", "", event), []string{""}},
		"two empty secrets":   {event, header(now, "v1", "", event), []string{"", secret, ""}},
		"a blank secret":      {event, header(now, "v1", " \n", event), []string{" \n"}},
		"another body":        {strings.Replace(event, "in_1", "in_2", 1), good, []string{secret}},
		"a body cut short":    {event[:len(event)-1], good, []string{secret}},
		"a body with more":    {event + " ", good, []string{secret}},
		"stale":               {event, header(now.Add(-5*time.Minute-time.Second), "v1", secret, event), []string{secret}},
		"from the future":     {event, header(now.Add(5*time.Minute+time.Second), "v1", secret, event), []string{secret}},
		"a newer time put in": {event, fmt.Sprintf("t=%d,%s", now.Add(time.Minute).Unix(), signature), []string{secret}},
		"a second time":       {event, header(now.Add(-time.Hour), "v1", secret, event) + fmt.Sprintf(",t=%d", now.Unix()), []string{secret}},
		"a time put before":   {event, fmt.Sprintf("t=%d,", now.Unix()) + header(now.Add(-time.Hour), "v1", secret, event), []string{secret}},
		"times on both sides": {event, fmt.Sprintf("t=%d,%s,t=%[1]d", now.Unix(), header(now.Add(-time.Hour), "v1", secret, event)), []string{secret}},
		"a time in disguise":  {event, header(now.Add(-time.Hour), "v1", secret, event) + fmt.Sprintf(", t=%d,T=%[1]d,t =%[1]d,v0=t=%[1]d", now.Unix()), []string{secret}},
		"a later one first":   {event, fmt.Sprintf("t=%d,", now.Unix()) + header(now.Add(time.Hour), "v1", secret, event), []string{secret}},
		"an older scheme":     {event, header(now, "v0", secret, event), []string{secret}},
		"the scheme renamed":  {event, strings.Replace(header(now, "v0", secret, event), "v0", "v2", 1), []string{secret}},
		"no time":             {event, signature, []string{secret}},
		"a time of the epoch": {event, header(time.Unix(0, 0), "v1", secret, event), []string{secret}},
		"a time that is none": {event, "t=now," + signature, []string{secret}},
		"a signature cut":     {event, good[:len(good)-2], []string{secret}},
		"no signature":        {event, moment, []string{secret}},
		"an empty signature":  {event, moment + ",v1=", []string{secret}},
		"a space before it":   {event, moment + ", " + signature, []string{secret}},
		"only older schemes":  {event, moment + ",v0=" + strings.TrimPrefix(signature, "v1=") + ",v0=00", []string{secret}},
		"no header":           {event, "", []string{secret}},
		"a blank header":      {event, " ", []string{secret}},
		"commas":              {event, ",,,", []string{secret}},
	} {
		if got, err := stripepay.Verify([]byte(c.payload), c.header, c.secrets, now); !errors.Is(err, stripepay.ErrSignature) || got != (stripepay.Notice{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// What a caller reads of a body that is larger than it takes is not what was signed.
func TestABodyThatWasCutByItsReaderIsRefused(t *testing.T) {
	now := time.Unix(1790000100, 0)
	large := event[:len(event)-1] + `,"filler":"` + strings.Repeat("x", 1<<20) + `"}`
	cut, err := io.ReadAll(io.LimitReader(bytes.NewReader([]byte(large)), 256<<10))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stripepay.Verify(cut, header(now, "v1", secret, large), []string{secret}, now); !errors.Is(err, stripepay.ErrSignature) {
		t.Errorf("cut: %v", err)
	}
	if _, err := stripepay.Verify([]byte(large), header(now, "v1", secret, large), []string{secret}, now); err != nil {
		t.Errorf("whole: %v", err)
	}
}

func TestWhatIsSignedAndNoEventIsNoForgery(t *testing.T) {
	now := time.Unix(1790000100, 0)
	for _, text := range []string{"", "{", "[]", `{"object":"v2.core.event","id":"evt_1"}`, `{"object":"event"}`} {
		if _, err := stripepay.Verify([]byte(text), header(now, "v1", secret, text), []string{secret}, now); err == nil || errors.Is(err, stripepay.ErrSignature) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	now := time.Unix(1790000100, 0)
	f.Add(event, header(now, "v1", secret, event))
	f.Add(event, "t=1,v1=00,t=2")
	f.Add("{}", "t=,v1=")
	f.Fuzz(func(t *testing.T, payload, signed string) {
		if _, err := stripepay.Verify([]byte(payload), signed, []string{"another secret"}, now); err == nil {
			t.Fatalf("%q is signed with a secret that nobody knows", payload)
		}
	})
}
