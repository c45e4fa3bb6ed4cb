package traffic

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"drawdown/infra/load/subject"
)

const (
	// warmUp lets processes start, and Java compile, before anything is counted.
	warmUp = 4 * time.Second
	// phaseTime is how long a phase sends requests; those under way are awaited.
	phaseTime = 2500 * time.Millisecond
)

// phase is one way to send debits.
type phase struct {
	callers, accounts, batch int // batch 1: one by one, over the route of a single debit
}

// figures are the results of a phase.
type figures struct {
	phase
	counts
	trouble   string // the first error that the function has logged
	elapsed   time.Duration
	latencies []time.Duration // of requests, sorted
	retries   float64
	cpu       time.Duration // of all debit processes; 0: the system does not report it
}

// run runs a phase on a platform of its own.
func (p phase) run(ctx context.Context) (figures, error) {
	platform, err := subject.Start(ctx)
	if err != nil {
		return figures{}, err
	}
	defer platform.Close(ctx)
	if err := platform.Open(ctx, append(p.names("warm"), p.names("hot")...)...); err != nil {
		return figures{}, err
	}
	if _, err := p.send(ctx, platform, "warm", warmUp); err != nil {
		return figures{}, err
	}
	retries, cpu := platform.Log.Retries(function), subject.CPU(platform.PIDsOf(function))
	f, err := p.send(ctx, platform, "hot", phaseTime)
	f.retries = platform.Log.Retries(function) - retries
	f.trouble = platform.Log.Trouble()
	f.cpu = subject.CPU(platform.PIDsOf(function)) - cpu
	return f, err
}

const function = "debit"

func (p phase) names(kind string) []string {
	names := make([]string, p.accounts)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", kind, i)
	}
	return names
}

// send makes every caller send one request after another for some time.
func (p phase) send(ctx context.Context, platform *subject.Subject, kind string, limit time.Duration) (figures, error) {
	var mu sync.Mutex
	all, failure := figures{phase: p}, error(nil)
	start := time.Now()
	var callers sync.WaitGroup
	for caller := range p.callers {
		callers.Go(func() {
			c := client{
				platform: platform, batch: p.batch,
				account: fmt.Sprintf("%s-%d", kind, caller%p.accounts), series: fmt.Sprintf("%s-%d", kind, caller),
			}
			err := c.send(ctx, start.Add(limit))
			mu.Lock()
			defer mu.Unlock()
			all.add(c.counts)
			all.latencies = append(all.latencies, c.latencies...)
			if err != nil {
				failure = err
			}
		})
	}
	callers.Wait()
	all.elapsed = time.Since(start)
	slices.Sort(all.latencies)
	return all, failure
}

func (f figures) perSecond() float64 { return float64(f.accepted) / f.elapsed.Seconds() }

// tries returns how often a commit was tried, on average.
func (f figures) tries() float64 {
	if f.commits == 0 {
		return 0
	}
	return 1 + f.retries/float64(f.commits)
}

// cpuPerDebit returns the CPU time of the function's processes, in milliseconds.
func (f figures) cpuPerDebit() float64 {
	if f.accepted == 0 {
		return 0
	}
	return f.cpu.Seconds() * 1000 / float64(f.accepted)
}

// latency returns a quantile of the requests' times, in milliseconds.
func (f figures) latency(quantile float64) float64 {
	if len(f.latencies) == 0 {
		return 0
	}
	at := min(int(quantile*float64(len(f.latencies))), len(f.latencies)-1)
	return f.latencies[at].Seconds() * 1000
}
