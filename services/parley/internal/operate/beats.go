package operate

import (
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// window is how long beats are listened to: one comes each second.
const window = 1500 * time.Millisecond

// waiting is how many messages may wait to be looked at.
const waiting = 16 << 10

// processes are those that were heard, by id.
type processes struct {
	beats map[string]proto.Beat // the last of each
	facts map[proto.ReplicaID]facts
}

// collect looks at what comes for some time, and at all that has come by then.
func collect(subjects proto.Subjects, heard <-chan *nats.Msg, d time.Duration) *processes {
	p := &processes{beats: map[string]proto.Beat{}, facts: map[proto.ReplicaID]facts{}}
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		select {
		case m := <-heard:
			p.take(subjects, m)
			continue
		case <-over.C:
		}
		for range len(heard) {
			p.take(subjects, <-heard)
		}
		return p
	}
}

func (p *processes) take(subjects proto.Subjects, m *nats.Msg) {
	if strings.HasPrefix(m.Subject, "_INBOX.") {
		if id, f, ok := readFacts(subjects, m.Data); ok {
			p.facts[id] = f
		}
		return
	}
	// As replicas do: what cannot be read, or speaks for somebody else, is passed over.
	if b, err := proto.DecodeBeat(m.Data); err == nil && m.Subject == subjects.Beat(b.Role, b.ID) {
		p.beats[b.ID] = b
	}
}

// up returns the replicas that rooms are ranked among.
func (p *processes) up() []proto.ReplicaID {
	var ids []proto.ReplicaID
	for id, b := range p.beats {
		if b.Role == proto.RoleRoomsvc && b.State == proto.Up {
			ids = append(ids, proto.ReplicaID(id))
		}
	}
	slices.Sort(ids)
	return ids
}

// of returns the ids of a role in order.
func (p *processes) of(role proto.Role) []string {
	var ids []string
	for id, b := range p.beats {
		if b.Role == role {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
