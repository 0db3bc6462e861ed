package worker

import (
	"github.com/parley-rtc/parley/proto"
)

// tooLate is the answer to a request whose Parley-Timeout has passed.
const tooLate = "the request could not be carried out in time"

// answer answers every attempt of a request.
func (a *Ask) answer(w *Worker, e *proto.Event) {
	if len(a.Replies) > 0 {
		payload := proto.AppendEvent(make([]byte, 0, 256), e)
		bears := a.bears
		if e.Name == proto.RoomJoined && bears == "" {
			bears = a.ID // it has just been appended
		}
		for _, reply := range a.Replies {
			w.Wire.Reply(reply, payload, bears)
		}
	}
	if !a.Removal {
		w.Meter.Answered(a.Op, e, w.now.Sub(a.Arrived))
	}
	a.end(w)
}

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
	a.answer(w, &e)
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
