package traffic

import (
	"net/http"
	"testing"
	"time"
)

func TestFiguresAreAverages(t *testing.T) {
	f := figures{counts: counts{accepted: 100, commits: 10}, elapsed: 2 * time.Second, retries: 5, cpu: 80 * time.Millisecond}
	for i := range 100 {
		f.latencies = append(f.latencies, time.Duration(i+1)*time.Millisecond)
	}
	for name, c := range map[string]struct{ got, want float64 }{
		"debits a second": {f.perSecond(), 50},
		"tries a commit":  {f.tries(), 1.5},
		"CPU a debit":     {f.cpuPerDebit(), 0.8},
		"median":          {f.latency(0.5), 51},
		"p99":             {f.latency(0.99), 100},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestNothingMeasuredIsNothing(t *testing.T) {
	var f figures
	if f.tries() != 0 || f.cpuPerDebit() != 0 || f.latency(0.99) != 0 {
		t.Errorf("an empty phase shows %v tries, %v CPU, %v p99", f.tries(), f.cpuPerDebit(), f.latency(0.99))
	}
}

func TestAnswersAreCountedByStatus(t *testing.T) {
	var c counts
	for status, debits := range map[int]int{http.StatusCreated: 3, http.StatusServiceUnavailable: 2, http.StatusInternalServerError: 1} {
		if err := c.answered(debits, status, nil); err != nil {
			t.Fatal(err)
		}
	}
	if want := (counts{accepted: 3, contended: 2, failed: 1}); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
	for _, status := range []int{http.StatusOK, http.StatusPaymentRequired, http.StatusUnauthorized} {
		if c.answered(1, status, nil) == nil {
			t.Errorf("%d passes: a replay or a refusal would be measured as a debit", status)
		}
	}
}

func TestABatchBeyondOneTransactionMakesTwo(t *testing.T) {
	for size, want := range map[int]int{1: 1, 99: 1, 100: 2} {
		if got := commitsOf(size); got != want {
			t.Errorf("%d debits: %d commits, want %d", size, got, want)
		}
	}
}
