package events_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/jsonschema/v6"

	"drawdown/events"
)

func schemaOf(t *testing.T, kind events.Type) *jsonschema.Schema {
	t.Helper()
	text, err := events.Schema(kind)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func parsed(t *testing.T, text []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// A sample that is here once must be understood for ever: samples are added, never changed.
func TestSamplesDecodeForEver(t *testing.T) {
	files, err := filepath.Glob("samples/*.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[events.Type]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		message, err := events.Decode(text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		seen[message.Type] = true
		if !strings.HasPrefix(filepath.Base(file), string(message.Type)+".v") {
			t.Errorf("%s holds a %s", file, message.Type)
		}
		if err := schemaOf(t, message.Type).Validate(parsed(t, text)); err != nil {
			t.Errorf("%s does not fit its schema: %v", file, err)
		}
		again, err := events.Encode(message)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := parsed(t, again), parsed(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is written as %s", file, again)
		}
	}
	for _, kind := range events.Types() {
		if !seen[kind] {
			t.Errorf("%s has no sample", kind)
		}
	}
}

// The schema has just the members of the Go type, and demands those that are always written.
func TestSchemasSayWhatTheTypesSay(t *testing.T) {
	for _, kind := range events.Types() {
		text, err := events.Schema(kind)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Properties map[string]struct {
				Required   []string
				Properties map[string]any
			}
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		sample, err := os.ReadFile("samples/" + string(kind) + ".v1.json")
		if err != nil {
			t.Fatal(err)
		}
		message, err := events.Decode(sample)
		if err != nil {
			t.Fatal(err)
		}
		var all, always []string
		data := reflect.TypeOf(message.Data).Elem()
		for i := range data.NumField() {
			name, options, _ := strings.Cut(data.Field(i).Tag.Get("json"), ",")
			all = append(all, name)
			if options != "omitempty" {
				always = append(always, name)
			}
		}
		var described []string
		for name := range schema.Properties["data"].Properties {
			described = append(described, name)
		}
		required := schema.Properties["data"].Required
		for _, names := range [][]string{all, always, described, required} {
			slices.Sort(names)
		}
		if !slices.Equal(all, described) || !slices.Equal(always, required) {
			t.Errorf("%s: the type has %v, always %v; the schema has %v, demands %v", kind, all, always, described, required)
		}
	}
}

func TestWhatIsNotAMessageIsRefused(t *testing.T) {
	for _, text := range []string{
		``, `[]`, `{"type":"balance.lower","data":{}}`, `{"type":"balance.low"}`,
		`{"type":"balance.low","data":[]}`, `{"type":"drawdown.internal.refill_due","data":{}}`,
	} {
		if got, err := events.Decode([]byte(text)); err == nil {
			t.Errorf("%s is read as %+v", text, got)
		}
	}
	if _, err := events.Schema("balance.lower"); err == nil {
		t.Error("there is a schema of nothing")
	}
}

func TestIDsAreForEver(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	message := events.New(events.BalanceLow, "acme", 42, at, events.Balance{Available: "12.5", OverageUsed: "0"})
	text, err := events.Encode(message)
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("samples/balance.low.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parsed(t, text), parsed(t, sample); !reflect.DeepEqual(got, want) {
		t.Errorf("the message is %s", text)
	}
}

// Among themselves the functions say the data alone.
func TestInternalMessages(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for want, message := range map[string]events.Message{
		`{"account_id":"acme","seq":42}`: events.DueOf("acme", 42, at),
		`{"id":"evt_1","type":"charge.refunded","object_id":"ch_1","object_type":"charge","created_at":"2026-11-24T10:00:00Z"}`: events.NoticeOf(
			events.Notice{ID: "evt_1", Type: "charge.refunded", ObjectID: "ch_1", ObjectType: "charge", CreatedAt: at}),
	} {
		if got, err := events.Encode(message); err != nil || string(got) != want {
			t.Errorf("%s is said as %s, %v", message.Type, got, err)
		}
		if !message.Type.Internal() || slices.Contains(events.Types(), message.Type) {
			t.Errorf("%s is for the outside", message.Type)
		}
	}
}
