package roomsvc

import (
	"log/slog"
	"sync"
	"time"
)

// troubles logs what goes wrong and may pass by itself, each trouble once a minute.
type troubles struct {
	log *slog.Logger

	mu   sync.Mutex // guards the field below
	said map[string]time.Time
}

func (t *troubles) say(err error) {
	if t.isNew(err.Error(), time.Now()) {
		t.log.Warn("trouble, trying again", "error", err)
	}
}

func (t *troubles) isNew(text string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if said, ok := t.said[text]; ok && now.Sub(said) < time.Minute {
		return false
	}
	if t.said == nil || len(t.said) > 1000 {
		t.said = make(map[string]time.Time)
	}
	t.said[text] = now
	return true
}

// trouble says what goes wrong, unless the service stops anyway.
func (s *Service) trouble(err error) {
	if !s.stopping.Load() {
		s.troubles.say(err)
	}
}
