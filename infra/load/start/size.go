package start

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"drawdown/infra/load/report"
)

const (
	// arm64 is the folder with the compiled functions for Lambda.
	arm64 = ".build/lambda/arm64"
	// zipBudget is what the design allows for the debit function, zipped.
	zipBudget = 5 // MiB
)

func reportSizes(r *report.Report) error {
	binaries, err := filepath.Glob(filepath.Join(arm64, "*", "bootstrap"))
	if err != nil || len(binaries) == 0 {
		return fmt.Errorf("start: no compiled function found under %s (%w)", arm64, err)
	}
	slices.Sort(binaries)
	r.Section("4. Size and start (sizes in MiB, arm64)")
	table := report.NewTable("function", "binary", "zip / budget")
	for _, binary := range binaries {
		name := filepath.Base(filepath.Dir(binary))
		size, zipped, err := sizes(binary)
		if err != nil {
			return err
		}
		packed := fmt.Sprintf("%.2f", mib(zipped))
		if name == function {
			packed = r.AtMost(name+", zipped for arm64", "MiB", mib(zipped), zipBudget)
		}
		table.Row(name, fmt.Sprintf("%.2f", mib(size)), packed)
	}
	r.Table(table)
	return nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// sizes returns a binary's size, and its size in a zip as CDK makes it.
func sizes(binary string) (size, zipped int64, err error) {
	file, err := os.Open(binary)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = file.Close() }() // only read from
	var count counter
	archive := zip.NewWriter(&count)
	entry, err := archive.Create("bootstrap")
	if err != nil {
		return 0, 0, err
	}
	if size, err = io.Copy(entry, file); err != nil {
		return 0, 0, err
	}
	return size, int64(count), archive.Close()
}

// counter counts the bytes written to it.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
