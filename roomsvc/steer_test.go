package roomsvc

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// Whoever hears that a process is gone also beats, and listens to beats.
func TestThatAProcessIsGoneIsTakenNoteOfWhileWorkersHaveNoRoom(t *testing.T) {
	t.Parallel()
	s, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.crew.runners {
		for range mailboxSize {
			r.post(mail{call: func(*worker.Worker) {}})
		}
	}
	noted := make(chan struct{})
	go func() {
		defer close(noted)
		s.gone(proto.RoleRoomsvc, "r1", time.Now())
		s.gone(proto.RoleGateway, "g1", time.Now())
	}()
	select {
	case <-noted:
	case <-time.After(time.Minute):
		t.Fatal("it waits for room")
	}
	<-s.parted.Bell()
	if d := s.parted.Take(nil); len(d) != 2 || d[0].id != "r1" || d[1].id != "g1" {
		t.Errorf("noted %v", d)
	}
}

func TestAServerWhoseElectionsNobodyLookedAtIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s, err := New(Config{}, slog.New(slog.NewTextHandler(&out, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"2.15.2", "2.99.0", "2.15.2", "2.99.0"} {
		s.greeted(version)
	}
	if strings.Count(out.String(), "level=WARN") != 1 || !strings.Contains(out.String(), "version=2.99.0") {
		t.Errorf("it says:\n%s", out.String())
	}
}
