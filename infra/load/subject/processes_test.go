package subject

import "testing"

func TestTicksOfAddsUserAndKernelTime(t *testing.T) {
	stat := "42 (a) b (c) S 1 42 42 0 -1 4194560 1234 0 0 0 70 31 5 6 20 0 9 0 100 1 2"
	if got := ticksOf(stat); got != 101 {
		t.Errorf("got %d, want 70 + 31", got)
	}
	if got := ticksOf("42 (a)"); got != 0 {
		t.Errorf("a line cut short has %d ticks", got)
	}
}

func TestLogAddsUpRetriesAndInits(t *testing.T) {
	log := newLog()
	for _, line := range []string{
		`{"msg":"invocation","Function":"drawdown-debit","Retries":2,"_aws":{}}`,
		`{"msg":"invocation","Function":"drawdown-debit","Retries":1,"_aws":{}}`,
		`{"msg":"invocation","Function":"drawdown-debit","RoundTrips":2}`,
		`not JSON "Retries":`,
		"REPORT RequestId: 1\tDuration: 5.00 ms\tBilled Duration: 20 ms\tInit Duration: 12.50 ms",
		"REPORT RequestId: 2\tDuration: 5.00 ms\tBilled Duration: 5 ms",
	} {
		log.add("drawdown-debit", line)
	}
	log.add("drawdown-manage", `{"Retries":7}`)
	if got := log.Retries("debit"); got != 3 {
		t.Errorf("%v retries, want 3", got)
	}
	if got := log.Inits("debit"); len(got) != 1 || got[0] != 12.5 {
		t.Errorf("inits %v, want just 12.5", got)
	}
}
