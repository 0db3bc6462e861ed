package worker

import (
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/memory"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// world is what is around a worker, by hand: it notes what goes out, and answers nothing by itself.
type world struct {
	*Worker
	now       time.Time
	questions []question
	forgotten map[uint64]bool
	unsure    bool
	gone      proto.GatewayID
	since     time.Time // it is gone
	replies   []proto.Event
	beside    []Beside // each of them
	told      [][]byte
	stays     []string // beside each of them
	counts    map[Counter]int
	form      int                 // which every replica knows
	early     bool                // some may not have been heard yet
	first     func(form int) bool // nil: this replica ranks first
	errs      []error             // troubles, and records that were skipped
	forwarded []proto.GatewayID   // the targets' gateways of signals
}

type question struct {
	Question
	id     uint64
	append bool
	record []byte
	expect uint64
}

func newWorld() *world {
	x := &world{now: time.Unix(1_000_000, 0), forgotten: make(map[uint64]bool), counts: make(map[Counter]int), form: proto.RecordForm}
	x.Worker = New(Config{
		Self: "self", Retell: 10 * time.Second, Unanswered: time.Second, Store: x, Peers: x, Wire: x, Meter: x,
	}, memory.New())
	return x
}

func (x *world) Append(q Question, _ proto.Token, record []byte, expect uint64, _ time.Duration) (uint64, error) {
	id := uint64(len(x.questions) + 1)
	x.questions = append(x.questions, question{Question: q, id: id, append: true, record: record, expect: expect})
	return id, nil
}

func (x *world) Read(q Question, _ proto.Token) (uint64, error) {
	id := uint64(len(x.questions) + 1)
	x.questions = append(x.questions, question{Question: q, id: id})
	return id, nil
}

func (x *world) last() question                                 { return x.questions[len(x.questions)-1] }
func (x *world) Forget(id uint64)                               { x.forgotten[id] = true }
func (x *world) Sure() bool                                     { return !x.unsure }
func (x *world) Followed() bool                                 { return true }
func (x *world) First(_ proto.Token, form int) bool             { return x.first == nil || x.first(form) }
func (x *world) Form() int                                      { return x.form }
func (x *world) Early() bool                                    { return x.early }
func (x *world) Gone(id proto.GatewayID) (time.Time, bool)      { return x.since, id == x.gone }
func (x *world) Know(proto.Role, string)                        {}
func (x *world) InTouch() bool                                  { return true }
func (x *world) Count(what Counter, n int)                      { x.counts[what] += n }
func (x *world) Appended(time.Time, time.Duration)              {}
func (x *world) Waits(time.Time, time.Time)                     {}
func (x *world) Trouble(_ proto.Token, err error)               { x.errs = append(x.errs, err) }
func (x *world) Skipped(_ proto.Token, _ uint64, err error)     { x.errs = append(x.errs, err) }
func (x *world) answer(q question, r Result)                    { x.Worker.Answer(x.now, q.Question, q.id, r) }
func (x *world) Moderated(*room.Request, *proto.Record)         {}
func (x *world) Answered(proto.Op, *proto.Event, time.Duration) {}
func (x *world) Forward(_ *proto.Request, g proto.GatewayID, _ string) {
	x.forwarded = append(x.forwarded, g)
}

func (x *world) Tell(_ proto.Token, _ []proto.GatewayID, event []byte, beside Beside) {
	x.told, x.stays = append(x.told, event), append(x.stays, beside.Stays)
}

func (x *world) TellOne(_ proto.GatewayID, _ proto.ClientID, event []byte) {
	x.told = append(x.told, event)
}

func (x *world) Reply(_ string, event []byte, beside Beside) {
	e, err := proto.DecodeEvent(event)
	if err != nil {
		panic(err)
	}
	x.replies, x.beside = append(x.replies, e), append(x.beside, beside)
}

// pass lets time pass, tick by tick.
func (x *world) pass(d time.Duration) {
	for end := x.now.Add(d); x.now.Before(end); {
		x.now = x.now.Add(50 * time.Millisecond)
		x.Tick(x.now)
	}
}
