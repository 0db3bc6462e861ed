package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// built is where the programs are.
type built struct {
	dir  string // of the binaries
	node string // of the Node server
}

// errNoRoot says that run was started outside the repository.
var errNoRoot = errors.New("no go.work above the working directory: start this inside the repository")

// root is the repository's top directory.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errNoRoot
		}
		dir = up
	}
}

// build makes the programs that the systems need, in dir.
func build(ctx context.Context, dir string, names []name) (built, error) {
	top, err := root()
	if err != nil {
		return built{}, err
	}
	b := built{dir: dir, node: filepath.Join(top, "bench", "node-sio")}
	goBuild := func(module, output, pkg string) error {
		return b.do(ctx, filepath.Join(top, module), "go", "build", "-o", filepath.Join(dir, output), pkg)
	}
	steps := []func() error{func() error { return goBuild("bench", "load", "./load") }}
	add := func(module, output, pkg string) {
		steps = append(steps, func() error { return goBuild(module, output, pkg) })
	}
	if slices.Contains(names, floor) {
		add("bench", "floor", "./floor")
	}
	if slices.Contains(names, parley) {
		add("services", "parley", "./parley")
	}
	if slices.ContainsFunc(names, func(n name) bool { return n == three || n == three2 || n == three4 }) {
		add("services", "parley-gateway", "./gateway")
		add("services", "parley-roomsvc", "./roomsvc")
		add("bench", "nats-server", "github.com/nats-io/nats-server/v2")
	}
	if slices.Contains(names, node) || slices.Contains(names, node2) {
		steps = append(steps, func() error {
			return b.do(ctx, b.node, "npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--silent")
		})
	}
	if slices.Contains(names, node2) {
		if _, err := exec.LookPath("redis-server"); err != nil {
			return built{}, fmt.Errorf("%w: install it (Debian's package redis-server), or leave node2 out of --systems", err)
		}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return built{}, fmt.Errorf("build: %w", err)
		}
	}
	return b, nil
}

// do runs a command, with what it says shown only if it fails.
func (b built) do(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", program, args, err, out)
	}
	return nil
}
