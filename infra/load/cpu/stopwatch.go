package cpu

import (
	"syscall"
	"testing"
	"time"
)

// cpuMetric is the CPU time of one operation, in microseconds. Unlike the
// benchmark's own time it does not grow when other programs use the cores.
const cpuMetric = "cpu-us/op"

// stopwatch adds up the CPU time of this process, over all its threads, including
// the collector's share.
type stopwatch struct {
	since, spent time.Duration
}

func (w *stopwatch) start() { w.since = processTime() }

func (w *stopwatch) stop() { w.spent += processTime() - w.since }

func (w *stopwatch) report(b *testing.B, operations int) {
	b.ReportMetric(float64(w.spent.Nanoseconds())/1000/float64(operations), cpuMetric)
}

func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // which cannot fail here
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
