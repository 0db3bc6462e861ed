package testkit

import (
	"slices"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
)

// ID returns the session's client id.
func (s *Session) ID() proto.ClientID { return s.id }

// Key returns the session's key.
func (s *Session) Key() *[proto.KeySize]byte { return &s.key }

// Connected reports whether the session has a connection.
func (s *Session) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil
}

// Over reports whether the session has ended for good: it was stopped, or its connection was closed with 4409.
func (s *Session) Over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// All returns everything heard so far.
func (s *Session) All() []SessionHeard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// Turns returns the connections that there were.
func (s *Session) Turns() []Turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.turns)
}

// Signals returns the signals that were sent.
func (s *Session) Signals() []Signal {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Signal, len(s.signals))
	for i, sig := range s.signals {
		all[i] = *sig
		all[i].Turns = slices.Clone(sig.Turns)
	}
	return all
}

// Wrong returns what was not as the protocol has it.
func (s *Session) Wrong() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wrong)
}

// Move gives the session other addresses for its next connections, the first of them first.
func (s *Session) Move(urls ...string) {
	s.mu.Lock()
	s.urls, s.at = slices.Clone(urls), 0
	s.mu.Unlock()
	s.poke()
}

// Hold keeps the session from making another connection, or lets it again.
func (s *Session) Hold(held bool) {
	s.mu.Lock()
	s.held = held
	s.mu.Unlock()
	s.poke()
}

// Break ends the TCP connection without a word. The session comes back.
func (s *Session) Break() {
	if c := s.now(); c != nil {
		c.Abort()
	}
}

// CloseWith ends the connection with a code. The session comes back.
func (s *Session) CloseWith(code websocket.StatusCode) {
	if c := s.now(); c != nil {
		c.CloseWith(code, "")
	}
}

// Stop ends the session for good, without a word to the gateway.
func (s *Session) Stop() {
	s.end()
	s.stop()
	<-s.done
}

// Leave ends the session for good, with code 1000: it leaves every room.
func (s *Session) Leave() {
	s.end()
	s.CloseWith(websocket.StatusNormalClosure)
	s.Stop()
}

func (s *Session) end() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.poke()
}

func (s *Session) now() *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}
