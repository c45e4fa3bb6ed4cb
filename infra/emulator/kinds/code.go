package kinds

import (
	"archive/zip"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
)

// machines are the names that Go gives to processors.
var machines = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// checkBinary reports whether this machine can run a function's binary, before anything tries to.
func checkBinary(bootstrap string) error {
	info, err := os.Stat(bootstrap)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("its code has no file named bootstrap")
	}
	if err != nil {
		return err
	}
	if info.Mode()&0o111 == 0 {
		return errors.New("its bootstrap is not executable")
	}
	here := goruntime.GOOS + "/" + goruntime.GOARCH
	built := ""
	if file, err := elf.Open(bootstrap); err == nil {
		built = "linux/" + machines[file.Machine]
		_ = file.Close() // only read from
	} else if goruntime.GOOS != "linux" {
		return nil // a binary of this system's own form, as it seems
	}
	if built == "" {
		return errors.New("its bootstrap is no program of " + here)
	}
	if built != here {
		return fmt.Errorf("its bootstrap is built for %s and this machine is %s: build the assembly for this machine", built, here)
	}
	return nil
}

// unpack copies a function's code, a folder or a zip file, to a folder.
func unpack(asset, dir string) error {
	info, err := os.Stat(asset)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(dir, os.DirFS(asset))
	}
	archive, err := zip.OpenReader(asset)
	if err != nil {
		return fmt.Errorf("%s: %w", asset, err)
	}
	defer func() { _ = archive.Close() }() // only read from
	for _, file := range archive.File {
		if err := unzip(file, dir); err != nil {
			return fmt.Errorf("%s: %s: %w", asset, file.Name, err)
		}
	}
	return nil
}

func unzip(file *zip.File, dir string) error {
	if !filepath.IsLocal(file.Name) {
		return errors.New("the path leads out of the archive")
	}
	target := filepath.Join(dir, filepath.FromSlash(file.Name))
	if file.FileInfo().IsDir() {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	source, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // only read from
	mode := fs.FileMode(0o644) | file.Mode()&0o111
	copied, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, source) //nolint:gosec // an archive that this tree has built
	return errors.Join(err, copied.Close())
}
