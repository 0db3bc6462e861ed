package password

import (
	"sync"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// Bounds of wrong passwords.
const (
	window   = time.Minute
	most     = 5      // in a window, of one user or address, and of one room
	maxKnown = 20_000 // users, addresses and rooms that are counted; beyond them nobody may try
)

// Tries counts wrong passwords, by user or address and by room. A request counts once, however often it is repeated. It may be used
// from any goroutine. The zero value is ready.
type Tries struct {
	mu    sync.Mutex // guards the field below
	wrong map[string][]try
}

// try is one wrong password.
type try struct {
	at time.Time
	by proto.RequestID
}

// May reports whether somebody may try a room's password.
func (t *Tries) May(now time.Time, who string, room proto.Room) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names(who, room) {
		if t.recent(now, name) >= most {
			return false
		}
	}
	return len(t.wrong) < maxKnown || t.forget(now)
}

// Wrong counts a wrong password.
func (t *Tries) Wrong(now time.Time, who string, room proto.Room, by proto.RequestID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wrong == nil {
		t.wrong = make(map[string][]try)
	}
	for _, name := range names(who, room) {
		known := false
		for _, other := range t.wrong[name] {
			known = known || other.by == by
		}
		if !known {
			t.wrong[name] = append(t.wrong[name], try{now, by})
		}
	}
}

// recent returns how many were wrong in the last window, and forgets the others.
func (t *Tries) recent(now time.Time, name string) int {
	list := t.wrong[name]
	for len(list) > 0 && now.Sub(list[0].at) >= window {
		list = list[1:]
	}
	if len(list) == 0 {
		delete(t.wrong, name)
	} else {
		t.wrong[name] = list
	}
	return len(list)
}

// forget forgets all that is older than a window, and reports whether there is room again.
func (t *Tries) forget(now time.Time) bool {
	for name := range t.wrong {
		t.recent(now, name)
	}
	return len(t.wrong) < maxKnown
}

// names are what a try is counted by. Rooms and users are told apart.
func names(who string, room proto.Room) []string { return []string{"by " + who, "at " + string(room)} }
