package roomsvc

import (
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// scratch holds buffers in which signals are encoded; NATS copies what is published.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// maxScratch is the largest buffer that is kept for another signal.
const maxScratch = 64 << 10

// wire sends what the replica tells and answers, all over the one connection, in order. One message that cannot be sent is
// lost: askers ask again, and changes are told again after a reconnection. It is the workers' [worker.Wire].
type wire struct {
	subjects proto.Subjects
	metrics  *metrics
	// Set by Run before anything is sent.
	nc    *bus.Conn
	fresh func(proto.GatewayID) bool // a gateway has beaten lately
}

func (w *wire) publish(subject string, data []byte) {
	if err := w.nc.Publish(subject, data); err != nil {
		w.metrics.unsent.Inc()
	}
}

// send publishes with headers, of which those that are empty are left out.
func (w *wire) send(subject string, data []byte, beside worker.Beside) {
	if beside == (worker.Beside{}) {
		w.publish(subject, data)
		return
	}
	header := make(nats.Header, 1)
	if beside.Bears != "" {
		header[proto.HeaderRequest] = []string{string(beside.Bears)}
	}
	if beside.Stays != "" {
		header[proto.HeaderMembers] = []string{beside.Stays}
	}
	if beside.Message != "" {
		header[proto.HeaderMessage] = []string{beside.Message}
	}
	if err := w.nc.PublishMsg(&nats.Msg{Subject: subject, Header: header, Data: data}); err != nil {
		w.metrics.unsent.Inc()
	}
}

// Tell sends a room event to the room's subject and to gateways; to these with what is beside it.
func (w *wire) Tell(token proto.Token, gateways []proto.GatewayID, event []byte, beside worker.Beside) {
	w.publish(w.subjects.RoomEvent(token), event)
	for _, g := range gateways {
		w.send(w.subjects.GatewayRoom(g, token), event, beside)
	}
}

// TellOne sends an event that is no change of the room to one client of a gateway.
func (w *wire) TellOne(gateway proto.GatewayID, client proto.ClientID, event []byte) {
	w.publish(w.subjects.GatewayClient(gateway, client), event)
}

// Reply answers an attempt. With a room-joined a header tells which request the member's record bears, since that is what
// its leave has to name: another than this one, or this one where the gateway has had it in the room all along.
func (w *wire) Reply(subject string, data []byte, beside worker.Beside) {
	w.send(subject, data, beside)
}

// Forward publishes a signal to the target's gateway with the asker's reply subject on it, or refuses it when that
// gateway has not been heard of lately.
func (w *wire) Forward(req *proto.Request, gateway proto.GatewayID, reply string) {
	if !w.fresh(gateway) {
		w.refuse(proto.OpSignal, req, reply, proto.CodeUnavailable, "the target's gateway does not answer")
		return
	}
	buf := scratch.Get().(*[]byte) // the pool holds nothing else
	e := proto.Event{Name: proto.SignalReceive, Room: req.Room, SenderID: req.ClientID, Data: req.Data, N: req.N}
	*buf = proto.AppendEvent((*buf)[:0], &e)
	if err := w.nc.PublishRequest(w.subjects.GatewayClient(gateway, req.TargetID), reply, *buf); err != nil {
		w.metrics.unsent.Inc()
	}
	if cap(*buf) <= maxScratch {
		scratch.Put(buf)
	}
	w.metrics.relays.Inc()
}

// refuse answers a request that goes no further.
func (w *wire) refuse(op proto.Op, req *proto.Request, reply string, code proto.Code, message string) {
	e := proto.Event{Name: proto.Error, Code: code, Message: message}
	if req.Room.Check() == nil {
		e.Room = req.Room
	}
	if req.ClientID.Check() == nil {
		e.SenderID = req.ClientID
	}
	w.metrics.answered(op, &e, 0)
	w.publish(reply, proto.AppendEvent(nil, &e))
}
