package parley

import (
	"crypto/rand"

	"github.com/parley-rtc/parley/proto"
)

// session is what a client is to the server beyond one connection: a key, which proves whose it is, and turns, its connections.
type session struct {
	key   [proto.KeySize]byte
	turn  int64 // the present connection's; 0 before the first
	count int64 // signals of the turn
}

func newSession() *session {
	s := new(session)
	_, _ = rand.Read(s.key[:]) // it never fails
	return s
}

// begin begins a turn. Each attempt to connect is one: the server may have seen one that failed.
func (s *session) begin() { s.turn, s.count = s.turn+1, 0 }

// number is the next signal's, greater than all before it; 0 when the turn has none left.
func (s *session) number() int64 {
	if s.count == proto.MaxCount-1 {
		return 0
	}
	s.count++
	return proto.Number(s.turn, s.count)
}
