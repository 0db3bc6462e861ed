package roomsvc

import (
	"context"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/memory"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// tickEvery is how often a worker looks for what was not answered in time.
const tickEvery = 50 * time.Millisecond

// runner runs a worker: its goroutine is the only one that steps it. Others read what is committed in rooms.
type runner struct {
	s      *Service
	rooms  *memory.Rooms
	worker *worker.Worker // owned by run
	// box holds what the worker has to do. Requests are turned away when it is full; what the journal brings waits.
	box chan mail
}

// mail is one thing for a worker to do. One of ask, question, call and token is set.
type mail struct {
	ask      *worker.Ask
	question worker.Question // the leader has answered it
	id       uint64
	result   worker.Result
	call     func(*worker.Worker)

	token proto.Token // a record from the feed
	seq   uint64
	data  []byte
	at    time.Time
}

func newRunner(s *Service) *runner {
	r := &runner{s: s, rooms: memory.New(), box: make(chan mail, mailboxSize)}
	r.worker = worker.New(worker.Config{
		Passwords: looker{s.passwords, r},
		Self:      s.id, MaxMembers: s.cfg.MaxMembers, Retell: s.cfg.timings.Retell, Unanswered: s.cfg.timings.Unanswered,
		Store: &store{r}, Peers: (*peers)(s), Wire: s.wire, Meter: (*meter)(s),
	}, r.rooms)
	return r
}

// run works until ctx ends, or until a defect leaves the worker half changed.
func (r *runner) run(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case m := <-r.box:
			err = r.handle(&m)
		case <-tick.C:
			err = r.tick()
		}
		if err != nil {
			return err
		}
	}
}

func (r *runner) handle(m *mail) (err error) {
	defer r.contain(&err)
	now := time.Now() // once for the whole step
	switch {
	case m.call != nil:
		m.call(r.worker)
	case m.question != nil:
		r.worker.Answer(now, m.question, m.id, m.result)
	case m.ask != nil:
		r.worker.Take(now, m.ask)
	default:
		r.worker.Feed(now, m.token, m.seq, m.data, m.at)
	}
	return nil
}

func (r *runner) tick() (err error) {
	defer r.contain(&err)
	r.worker.Tick(time.Now()) // the ticker's own time is that of before when the process has slept
	return nil
}

// contain, deferred around each step, is the boundary of a worker. See [Service.contain] for the rule.
func (r *runner) contain(err *error) {
	if defect := recover(); defect != nil {
		*err = r.s.defect("worker", defect)
		if r.worker.Unharmed() {
			*err = nil
		}
	}
}

// postAsk gives the worker a request, unless it has too much to do.
func (r *runner) postAsk(a *worker.Ask) bool {
	select {
	case r.box <- mail{ask: a}:
		return true
	default:
		return false
	}
}

// post gives the worker something that must not be lost, and waits for room in its box.
func (r *runner) post(m mail) {
	select {
	case r.box <- m:
	case <-r.s.done:
	}
}
