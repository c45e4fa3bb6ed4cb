package emulator

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
)

// machines are the names that Go gives to processors.
var machines = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// checkBinary says whether this machine can run a function's binary, before anything tries to.
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
