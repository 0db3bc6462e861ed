package gateway

import "time"

// Settle implements link.Session.
func (s *session) Settle(within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.over && (s.pumping || s.writing || len(s.out) > 0) {
		news := s.awaited()
		s.mu.Unlock()
		select {
		case <-news:
		case <-late.C:
			s.mu.Lock()
			return
		}
		s.mu.Lock()
	}
}

// awaited returns the channel that the reader waits on. With mu held.
func (s *session) awaited() <-chan struct{} {
	if s.space == nil {
		s.space = make(chan struct{})
	}
	return s.space
}

// wakeReader lets a reader that waits look again. With mu held.
func (s *session) wakeReader() {
	if s.space != nil {
		close(s.space)
		s.space = nil
	}
}
