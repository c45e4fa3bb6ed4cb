package start

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		sorted []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{1, 2, 9}, 2}, {[]float64{1, 2, 4, 9}, 3}} {
		if got := median(c.sorted); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.sorted, got, c.want)
		}
	}
}

func TestSizesCountTheWholeZip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(file, bytes.Repeat([]byte("drawdown"), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	size, zipped, err := sizes(file)
	if err != nil || size != 80_000 {
		t.Fatalf("size %d (%v), want 80000", size, err)
	}
	// The directory at the end of a zip alone has 76 bytes and twice the name.
	if zipped < 76 || zipped > size/10 {
		t.Errorf("%d bytes of repetition take %d zipped", size, zipped)
	}
}
