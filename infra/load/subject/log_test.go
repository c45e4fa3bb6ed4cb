package subject

import "testing"

func TestLogAddsUpWhatTheUsageFunctionReads(t *testing.T) {
	l := newLog()
	l.add("stack-usage", `{"level":"INFO","msg":"invocation","Function":"usage","RoundTrips":3,"ReadUnits":5.5}`)
	l.add("stack-usage", `{"level":"INFO","msg":"invocation","Function":"usage","Latency":1}`)
	l.add("stack-usage", `{"level":"INFO","msg":"invocation","Function":"usage","RoundTrips":1,"ReadUnits":1}`)
	l.add("stack-debit", `{"level":"INFO","msg":"invocation","Function":"debit","RoundTrips":2,"ReadUnits":2}`)
	if got, want := l.Spent("usage"), (Spent{Invocations: 2, Requests: 4, ReadUnits: 6.5}); got != want {
		t.Errorf("usage: %+v, want %+v", got, want)
	}
	if got := l.Spent("debit"); got != (Spent{}) {
		t.Errorf("debit: %+v, though nobody asks for it", got)
	}
}
