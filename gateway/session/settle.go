package session

import "time"

// Settle implements [link.Session].
func (s *Session) Settle(within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		news := s.in.listen() // before the look, so that nothing that ends after it is missed
		if !s.Busy() {
			return
		}
		select {
		case <-news:
		case <-late.C:
			return
		}
	}
}
