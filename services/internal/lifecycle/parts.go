package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Part is something that runs until its context ends, and returns when everything that it started has stopped.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// errEnded is what became of a part that returned though nobody had asked it to.
var errEnded = errors.New("ended by itself")

// ended is what a part returned.
type ended struct {
	index int
	err   error
}

// runParts starts the parts in order and, when ctx ends or one of them does, stops them in the opposite order, each once
// those after it have returned: the last to start is the first to go. It calls failing when one ends by itself. It returns when
// all have, with their errors.
func runParts(ctx context.Context, failing func(), parts []Part) error {
	done := make(chan ended, len(parts))
	stops := make([]context.CancelFunc, len(parts))
	for i, p := range parts {
		inner, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		stops[i] = stop
		go func() { done <- ended{i, p.Run(inner)} }() // waited for below
	}
	returned := make([]bool, len(parts))
	var all error
	take := func(e ended, asked bool) {
		returned[e.index] = true
		if e.err == nil && !asked {
			e.err = errEnded
		}
		if e.err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", parts[e.index].Name, e.err))
		}
	}
	select {
	case <-ctx.Done():
	case e := <-done:
		failing()
		take(e, false)
	}
	for i, stop := range slices.Backward(stops) {
		stop()
		for !returned[i] {
			e := <-done
			take(e, e.index >= i)
		}
	}
	return all
}
