package session

import "time"

// WaitIdle implements [link.Session].
func (s *Session) WaitIdle(within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		changed := s.in.listen() // before the look, so that nothing that ends after it is missed
		if !s.Busy() {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			return
		}
	}
}
