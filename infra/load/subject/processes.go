package subject

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// PIDsOf lists the processes of a function, where the system reports them.
func (s *Subject) PIDsOf(function string) []int {
	var pids []int
	for _, pid := range s.Processes() {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(command), "/"+function+"/bootstrap") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// tick is the unit in which the kernel reports CPU times.
const tick = 10 * time.Millisecond

// CPU returns the time that processes have used so far, in user and kernel mode
// together; 0 where the system does not report it.
func CPU(pids []int) time.Duration {
	var ticks int64
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended, or this is not Linux
		}
		ticks += ticksOf(string(stat))
	}
	return time.Duration(ticks) * tick
}

// ticksOf reads utime and stime, fields 14 and 15. Field 2 is the program's name in
// brackets, which may contain anything.
func ticksOf(stat string) int64 {
	const utime, stime = 14, 15
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from the third on
	var sum int64
	for _, field := range []int{utime, stime} {
		if at := field - 3; at < len(fields) {
			n, _ := strconv.ParseInt(fields[at], 10, 64) // the kernel writes numbers there
			sum += n
		}
	}
	return sum
}
