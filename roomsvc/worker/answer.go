package worker

import (
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// tooLate is the answer to a request whose Parley-Timeout has passed.
const tooLate = "the request could not be carried out in time"

// answer answers every attempt of a request. d is the decision that e answers by; nil: there is none.
func (a *Ask) answer(w *Worker, e *proto.Event, d *room.Decision) {
	if len(a.Replies) > 0 {
		payload := proto.AppendEvent(make([]byte, 0, 256), e)
		var beside Beside
		if d != nil {
			beside = Beside{Bears: d.Bears, Stays: d.Stays}
		}
		if e.Name == proto.RoomJoined && beside.Bears == "" {
			beside.Bears = a.ID // it has just been appended
		}
		for _, reply := range a.Replies {
			w.Wire.Reply(reply, payload, beside)
		}
	}
	if !a.Removal {
		w.Meter.Answered(a.Op, e, w.now.Sub(a.Arrived))
	}
	a.end(w)
}

// answerBy gives a decision's answer, which no change stands behind. d is a copy, so that decisions that make changes need not be
// kept apart from the step.
func (a *Ask) answerBy(w *Worker, d room.Decision) { a.answer(w, &d.Answer, &d) }

// forward hands a signal on, for each of its attempts.
func (a *Ask) forward(w *Worker, gateway proto.GatewayID) {
	for _, reply := range a.Replies {
		w.Wire.Forward(&a.Request.Request, gateway, reply)
	}
	a.end(w)
}

// giveUp answers a request that is not settled in time, or for which there is no room.
func (a *Ask) giveUp(w *Worker, why string) {
	e := proto.Errorf(proto.CodeUnavailable, a.Room, a.ClientID, "%s", why)
	a.answer(w, &e, nil)
}

// end forgets a request.
func (a *Ask) end(w *Worker) {
	if a.done {
		return
	}
	a.done = true
	a.unask(w)
	if a.Removal {
		w.gone.underway--
	}
	w.asks.remove(a)
	w.Meter.Count(Underway, -1)
}
