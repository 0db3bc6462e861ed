package proto

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxHeard is of how many senders a resume says what the client has heard.
const MaxHeard = 4096

// readMore reads the members that only some requests have. In others they are unknown, and ignored.
func (f *Frame) readMore(raw *rawFrame) error {
	switch f.Name {
	case SignalSend:
		return f.readNumber(raw.N)
	case RoomCreate, RoomEnter:
		if err := f.readPolicy(raw.Policy); err != nil {
			return err
		}
	case Resume:
		return f.readResume(raw)
	default:
	}
	return f.readModeration(raw)
}

func (f *Frame) readNumber(v jsontext.Value) error {
	n, ok := integer(v)
	if v != nil && (!ok || n == 0) {
		return fmt.Errorf(`%w: "n" has to be an integer from 1 to 2^53 - 1`, ErrFrame)
	}
	f.N = n
	return nil
}

func (f *Frame) readPolicy(v jsontext.Value) error {
	policy, ok := unquote(v)
	if v != nil && (!ok || policy == "") {
		return fmt.Errorf("%w: %w", ErrFrame, errPolicy)
	}
	f.Policy = Policy(policy)
	return nil // check knows the policies
}

func (f *Frame) readResume(raw *rawFrame) error {
	if raw.Seq != nil {
		seq, ok := integer(raw.Seq)
		if !ok {
			return fmt.Errorf(`%w: "seq" has to be an integer from 0 to 2^53 - 1`, ErrFrame)
		}
		f.Seq = uint64(seq) // not negative
	}
	if raw.Heard != nil {
		var ok bool
		if f.Heard, ok = readHeard(raw.Heard); !ok {
			return fmt.Errorf(`%w: "heard" has to be an object of at most %d client ids, each with a number from 0 to 2^53 - 1`, ErrFrame, MaxHeard)
		}
	}
	if raw.Fresh != nil {
		if f.Fresh = raw.Fresh.Kind() == 't'; !f.Fresh && raw.Fresh.Kind() != 'f' {
			return fmt.Errorf(`%w: "fresh" has to be true or false`, ErrFrame)
		}
	}
	return nil
}

// readHeard reads what a client has heard of each sender, and stops at the first that is wrong or too many.
func readHeard(v jsontext.Value) (map[ClientID]int64, bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(v))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, false
	}
	heard := make(map[ClientID]int64)
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil || len(heard) == MaxHeard {
			return nil, false
		}
		id := ClientID(name.String())
		value, err := dec.ReadValue()
		n, ok := integer(value)
		if err != nil || !ok || id.Check() != nil {
			return nil, false
		}
		heard[id] = n
	}
	_, err := dec.ReadToken()
	return heard, err == nil
}

// integer reads a number from 0 to [MaxNumber] that has neither sign, fraction nor exponent.
func integer(v jsontext.Value) (int64, bool) {
	c := cursor{b: v}
	n := c.within(MaxNumber)
	return n, !c.bad && len(c.b) == 0
}
