// Package defect turns panics into errors, at the boundaries of what a gateway does.
//
// A defect in what concerns one client ends that client's request or connection. Any other may have left what all rely on
// half changed, so it ends the gateway in good order: clients are told to go elsewhere, and Run returns the defect.
package defect

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/parley-rtc/parley/proto"
)

// Error is a panic that was caught.
type Error struct {
	ID    proto.RequestID // by which it is found in the log
	Where string          // what was being done
	Panic any
	Stack string
}

// Error says where it was, and what to do about it.
func (e *Error) Error() string {
	return fmt.Sprintf("a defect in %s, please report it with what the log says of %s: %v", e.Where, e.ID, e.Panic)
}

// New is a panic that somebody has caught.
func New(where string, p any) *Error {
	return &Error{ID: proto.NewRequestID(), Where: where, Panic: p, Stack: string(debug.Stack())}
}

// Catch, deferred, makes a panic the error of the function that defers it.
//
//	defer defect.Catch("the beat", &err)
func Catch(where string, err *error) {
	if p := recover(); p != nil {
		*err = New(where, p)
	}
}

// Log logs an error that is a defect with its stack, and no other. It reports whether it is one.
func Log(log *slog.Logger, err error, args ...any) bool {
	e, is := errors.AsType[*Error](err)
	if is {
		log.With(args...).Error("a defect", "id", string(e.ID), "where", e.Where, "panic", fmt.Sprint(e.Panic), "stack", e.Stack)
	}
	return is
}

// Guard runs a function and returns its panic, if it did, as an error.
func Guard(where string, f func()) (err error) {
	defer Catch(where, &err)
	f()
	return nil
}
