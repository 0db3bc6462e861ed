package roomsvc

import (
	"sync"

	"github.com/parley-rtc/parley/proto"
)

// scratch holds buffers in which signals are encoded; NATS copies what is published.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// maxScratch is the largest buffer that is kept for another signal.
const maxScratch = 64 << 10

// relay hands a signal to its target's gateway, which answers the asker. It decides on what is in memory, under the
// worker's read lock, and reports false when memory does not say that both are members: then the leader is asked.
func (s *Service) relay(req *proto.Request, reply string) bool {
	token := req.Room.Token()
	gateway, ok := s.worker(token).route(token, req.ClientID, req.TargetID)
	if !ok {
		return false
	}
	s.forward(req, gateway, reply)
	return true
}

// forward publishes a signal to the target's gateway with the asker's reply subject on it, or refuses it when that
// gateway has not been heard of lately.
func (s *Service) forward(req *proto.Request, gateway proto.GatewayID, reply string) {
	if !s.watch.Fresh(gateway) {
		s.refuse(proto.OpSignal, req, reply, proto.CodeUnavailable, "the target's gateway does not answer")
		return
	}
	buf := scratch.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	e := proto.Event{Name: proto.SignalReceive, Room: req.Room, SenderID: req.ClientID, Data: req.Data, N: req.N}
	*buf = proto.AppendEvent((*buf)[:0], &e)
	if err := s.nc.PublishRequest(s.subjects.GatewayClient(gateway, req.TargetID), reply, *buf); err != nil {
		s.metrics.unsent.Inc()
	}
	if cap(*buf) <= maxScratch {
		scratch.Put(buf)
	}
	s.metrics.relays.Inc()
}

// route returns the target's gateway when sender and target are members of the room.
func (w *worker) route(token proto.Token, sender, target proto.ClientID) (proto.GatewayID, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	e := w.rooms[token]
	if e == nil || !e.state.Open() || sender == target {
		return "", false
	}
	if e.targets != nil {
		gateway, ok := e.targets[target]
		_, in := e.targets[sender]
		return gateway, ok && in
	}
	var gateway proto.GatewayID
	var in, ok bool
	members := e.state.Record.Members
	for i := range members {
		switch members[i].ID {
		case target:
			gateway, ok = members[i].Gateway, true
		case sender:
			in = true
		}
	}
	return gateway, ok && in
}
