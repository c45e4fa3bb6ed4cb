package function

import (
	"bytes"
	"strings"
	"sync"
)

// lineLimit bounds what is held of a line that does not end, in bytes.
const lineLimit = 256 << 10

// lines splits what a process writes into lines, passes them on, and keeps the last ones of the current invocation.
type lines struct {
	sink func(line string)

	mu      sync.Mutex
	partial []byte
	recent  []byte
}

func newLines(sink func(line string)) *lines { return &lines{sink: sink} }

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		end := bytes.IndexByte(l.partial, '\n')
		if end < 0 {
			break
		}
		l.emit(string(l.partial[:end]))
		l.partial = l.partial[end+1:]
	}
	if len(l.partial) > lineLimit {
		l.emit(string(l.partial))
		l.partial = nil
	}
	return len(p), nil
}

// line adds whole lines of the platform's own.
func (l *lines) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.SplitSeq(text, "\n") {
		l.emit(line)
	}
}

func (l *lines) emit(line string) {
	l.recent = append(append(l.recent, line...), '\n')
	if excess := len(l.recent) - tailLimit; excess > 0 {
		l.recent = append(l.recent[:0], l.recent[excess:]...)
	}
	if l.sink != nil {
		l.sink(line)
	}
}

// flush passes on a last line without a line end.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.emit(string(l.partial))
		l.partial = nil
	}
}

// begin forgets the lines of earlier invocations.
func (l *lines) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent = l.recent[:0]
}

func (l *lines) tail() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.recent)
}
