package report

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine writes what the times depend on: the number of cores, and how busy other
// programs keep them, where the system reports it.
func (r *Report) Machine() {
	cores := runtime.NumCPU()
	_, _ = fmt.Fprintf(r.out, "Drawdown, measured on %s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, cores, runtime.Version())
	load, known := loadAverage()
	if !known {
		_, _ = fmt.Fprintln(r.out, ".")
		return
	}
	_, _ = fmt.Fprintf(r.out, ", load %.1f.\n", load)
	if load > float64(cores)/2 {
		_, _ = fmt.Fprintln(r.out, "Other programs keep this machine busy: the times below are too high; the counts are not affected.")
	}
}

// loadAverage returns that of the last minute.
func loadAverage() (float64, bool) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, false
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	return load, err == nil
}
