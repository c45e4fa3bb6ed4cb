package cpu

import "testing"

func BenchmarkDebit(b *testing.B) {
	for _, benchmark := range Benchmarks() {
		b.Run(benchmark.Name, benchmark.Run)
	}
}

// What is measured must work: a benchmark that fails has measured nothing.
func TestBenchmarksRun(t *testing.T) {
	for _, benchmark := range Benchmarks() {
		t.Run(benchmark.Name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("takes a second each")
			}
			if result := testing.Benchmark(benchmark.Run); result.N == 0 {
				t.Error("it fails")
			}
		})
	}
}
