package gateway

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// hub is the dispatcher: one goroutine that takes everything which NATS brings for this gateway in order, and is the only
// one to change who is in which room here. It appends references to queues; it does no I/O.
type hub struct {
	// Set by newHub.
	g        *Gateway
	messages chan *nats.Msg // filled by NATS; when it is full NATS drops, and rosters mend what was missed

	// Owned by run.
	sessions  map[uint64]*session
	clients   map[proto.ClientID]*session
	rooms     map[proto.Room]*room
	own       map[uint64]*ask // the gateway's own requests, by number
	rosters   []*room         // waiting for their turn to be asked for
	asking    int             // rosters under way
	whenEmpty chan struct{}   // closed, if made, when no session is left
	gone      []*session      // ended, but something of theirs may still come: forgotten after a while

	inRooms atomic.Uint64 // len(rooms) at the last tick, for beats

	commands *bus.Queue[command] // not bounded, but each poster has only few under way
}

// command is what another goroutine asks of the dispatcher; one group of fields is set.
type command struct {
	session  *session
	register bool          // a new session
	begin    *ask          // a create, join or leave of session is about to be sent
	giveUp   *ask          // time is up for this ask
	ended    bool          // the session is about to leave its rooms
	departed *session      // and everything has been left,
	settled  bool          // with answers to everything that it ever asked
	own      *ask          // a request of the gateway's own
	empty    chan struct{} // to be closed once every session has departed
	flush    *room         // what it was told is to be written
	level    string        // every room is to be compared with its roster, for this reason
}

// queueOfNATS is how many messages may wait for the dispatcher: a tenth of a second at full load.
const queueOfNATS = 16 << 10

func newHub(g *Gateway) *hub {
	return &hub{
		g:        g,
		messages: make(chan *nats.Msg, queueOfNATS),
		sessions: make(map[uint64]*session),
		clients:  make(map[proto.ClientID]*session),
		rooms:    make(map[proto.Room]*room),
		own:      make(map[uint64]*ask),
		commands: bus.NewQueue[command](),
	}
}

// post hands a command to the dispatcher. It does not block. What is posted before a request is published is handled
// before anything that the request brings.
func (h *hub) post(c command) { h.commands.Put(c) }

// run dispatches until the context ends.
func (h *hub) run(ctx context.Context) error {
	tick := time.NewTicker(h.g.timing.tick)
	defer tick.Stop()
	for {
		select {
		case m := <-h.messages:
			h.drain() // what was posted before the message came about
			h.message(m)
		case <-h.commands.Bell():
			h.drain()
		case now := <-tick.C:
			h.tick(now)
		case <-ctx.Done():
			return nil
		}
	}
}

// drain handles the commands posted so far.
func (h *hub) drain() {
	commands := h.commands.Take(nil)
	for i := range commands {
		h.command(&commands[i])
	}
}

func (h *hub) command(c *command) {
	switch {
	case c.register:
		h.sessions[c.session.num] = c.session
		h.clients[c.session.id] = c.session
	case c.begin != nil:
		h.begin(c.session, c.begin)
	case c.giveUp != nil:
		h.giveUp(c.session, c.giveUp)
	case c.ended:
		h.ended(c.session)
	case c.departed != nil:
		h.departed(c.departed, c.settled)
	case c.own != nil:
		h.startOwn(c.own)
	case c.flush != nil:
		c.flush.flush()
	case c.empty != nil:
		h.whenEmpty = c.empty
		h.checkEmpty()
	case c.level != "":
		for _, r := range h.rooms {
			h.askRoster(r, c.level)
		}
	}
}

// message handles what NATS brought.
func (h *hub) message(m *nats.Msg) {
	defer h.contain(m)
	kind, rest := h.g.subjects.ParseGateway(h.g.id, m.Subject)
	switch kind {
	case proto.KindReply:
		h.reply(rest, m)
	case proto.KindRoom:
		h.roomEvent(m.Data)
	case proto.KindClient:
		h.signal(proto.ClientID(rest), m.Data, m.Reply)
	case proto.KindCheck:
		h.check(m.Data)
	case proto.KindEngine:
		h.g.fromGateway(m)
	case proto.KindUnknown:
		h.g.metrics.stray.Inc()
	}
}

// contain keeps a defect in handling one message from ending the gateway, with all its connections. What it has left half
// done, rosters and checks mend.
func (h *hub) contain(m *nats.Msg) {
	defect := recover()
	if defect == nil {
		return
	}
	subject := ""
	if m != nil {
		subject = m.Subject
	}
	h.g.log.Error("a defect", "id", proto.NewRequestID(), "subject", subject, "panic", defect, "stack", string(debug.Stack()))
	h.post(command{level: "defect"})
}

// tick does what is due each second.
func (h *hub) tick(now time.Time) {
	h.g.ranking.tick(now)
	for _, r := range h.rooms {
		if len(r.local) > 0 && now.Sub(r.named) > h.g.timing.missed {
			r.named = now
			h.askRoster(r, "unchecked")
		} else if r.retry {
			r.retry = false
			h.startRoster(r)
		}
	}
	for len(h.gone) > 0 && now.Sub(h.gone[0].goneAt) > h.g.timing.gone {
		s := h.gone[0]
		h.gone = h.gone[1:]
		h.forget(s)
	}
	h.g.metrics.rooms.Set(float64(len(h.rooms)))
	h.inRooms.Store(uint64(len(h.rooms)))
}

// ended takes a client out of every room here, so that nothing more is queued for it. Its pump sends the leaves.
func (h *hub) ended(s *session) {
	for _, m := range s.rooms {
		m.leave()
		h.dropIfEmpty(m.room)
	}
}

// departed forgets a session that has left everything, at once or, where an answer is missing, after a while.
func (h *hub) departed(s *session, settled bool) {
	if settled {
		h.forget(s)
		return
	}
	s.mu.Lock()
	s.rooms = nil // what it could not leave, checks name, and late answers
	s.mu.Unlock()
	s.goneAt = time.Now()
	h.gone = append(h.gone, s)
	h.checkEmpty()
}

func (h *hub) forget(s *session) {
	delete(h.sessions, s.num)
	if h.clients[s.id] == s {
		delete(h.clients, s.id)
	}
	h.checkEmpty()
}

// checkEmpty lets the drain go on when every session has left its rooms.
func (h *hub) checkEmpty() {
	if h.whenEmpty != nil && len(h.sessions) == len(h.gone) {
		close(h.whenEmpty)
		h.whenEmpty = nil
	}
}

// out returns the message of an event: of its bytes as they came over NATS, or with none, encoded by the first writer.
func out(e proto.Event, payload []byte) link.Out {
	if payload == nil {
		return link.Out{Message: link.NewMessage(e)}
	}
	return link.Out{Message: link.NewEncoded(e, payload)}
}
