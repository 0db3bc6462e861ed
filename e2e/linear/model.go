package linear

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/parley-rtc/parley/proto"
)

// Kind is what an operation does or sees.
type Kind string

// The kinds of operations.
const (
	Create Kind = "create"
	Join   Kind = "join"  // as one step: the client is added and the list is what was there
	Enter  Kind = "enter" // the first half of a join that may have been repeated: the client is added
	See    Kind = "see"   // its second half: the list of the others, with the client in it
	Leave  Kind = "leave"
	Lost   Kind = "lost" // the connection ended; nobody was answered
	Roster Kind = "roster"
)

// Answer is how an operation was answered.
type Answer string

// The answers.
const (
	Done    Answer = "done"    // created, joined, left, or a roster
	Refused Answer = "refused" // room-exists, room-not-exists, not-in-room
	Unknown Answer = "unknown" // unavailable, or the connection ended first
)

// Input is what was asked.
type Input struct {
	Kind   Kind
	Client proto.ClientID
}

// Output is what was answered.
type Output struct {
	Answer Answer
	List   []proto.ClientID // of join and see the others; of roster all
}

// Model is a room: its members in join order, as one comma separated string, empty when there is no
// room.
func Model() porcupine.Model {
	return porcupine.Model{
		Init:  func() any { return "" },
		Step:  func(state, in, out any) (bool, any) { return step(state.(string), in.(Input), out.(Output)) },
		Equal: func(a, b any) bool { return a == b },
		DescribeOperation: func(in, out any) string {
			i, o := in.(Input), out.(Output)
			return fmt.Sprintf("%s %s: %s %v", i.Kind, short(i.Client), o.Answer, o.List)
		},
		DescribeState: func(state any) string { return state.(string) },
	}
}

func short(id proto.ClientID) string { return string(id[:min(6, len(id))]) }

func step(state string, in Input, out Output) (bool, string) {
	members := split(state)
	self := string(in.Client)
	at := slices.Index(members, self)
	open := len(members) > 0
	switch in.Kind {
	case Create:
		if out.Answer == Refused {
			return open, state
		}
		if open { // one whose outcome is unknown may have done nothing
			return out.Answer == Unknown, state
		}
		return true, self
	case Join, Enter:
		if out.Answer == Refused {
			return !open, state
		}
		if out.Answer == Unknown {
			if !open || at >= 0 {
				return true, state
			}
			return true, state + "," + self
		}
		if !open || in.Kind == Join && !same(without(members, at), out.List) {
			return false, state
		}
		if at >= 0 {
			return true, state
		}
		return true, state + "," + self
	case See:
		return at >= 0 && same(without(members, at), out.List), state
	case Leave, Lost:
		switch {
		case out.Answer == Refused:
			return at < 0, state
		case at < 0:
			return out.Answer == Unknown, state
		case at == 0:
			return true, ""
		}
		return true, strings.Join(without(members, at), ",")
	case Roster:
		if out.Answer == Refused {
			return !open, state
		}
		return same(members, out.List), state
	}
	return false, state
}

func split(state string) []string {
	if state == "" {
		return nil
	}
	return strings.Split(state, ",")
}

func without(members []string, at int) []string {
	if at < 0 {
		return members
	}
	return slices.Delete(slices.Clone(members), at, at+1)
}

func same(members []string, list []proto.ClientID) bool {
	return slices.EqualFunc(members, list, func(a string, b proto.ClientID) bool { return a == string(b) })
}
