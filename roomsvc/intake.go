package roomsvc

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// version of the NATS micro service, which `nats micro` shows.
const version = "1.0.0"

// serve begins to take requests: those meant for this replica, and those meant for any. It fails only when the
// connection is closed for good.
func (s *Service) serve() error {
	sub, err := s.nc.Subscribe(s.subjects.ReplicaAll(s.id), func(m *nats.Msg) {
		op := s.subjects.ReplicaOp(m.Subject)
		if op == proto.OpSignal {
			// It comes from a gateway, which has checked the data.
			s.take(op, m.Data, m.Reply, m.Header, proto.DecodeSignal)
			return
		}
		s.take(op, m.Data, m.Reply, m.Header, nil)
	})
	if err != nil {
		return fmt.Errorf("subscribe to requests: %w", err)
	}
	s.requests = sub
	s.micro, err = micro.AddService(s.nc.Conn, micro.Config{
		Name:        "parley-roomsvc",
		Version:     version,
		Description: "Parley's room service",
		Metadata:    map[string]string{"replica": string(s.id)},
	})
	if err != nil {
		return fmt.Errorf("add the micro service: %w", err)
	}
	for _, op := range proto.Ops() {
		handler := micro.HandlerFunc(func(r micro.Request) {
			s.take(op, r.Data(), r.Reply(), nats.Header(r.Headers()), nil)
		})
		if err := s.micro.AddEndpoint(string(op), handler, micro.WithEndpointSubject(s.subjects.Rooms(op))); err != nil {
			return fmt.Errorf("add the endpoint %s: %w", op, err)
		}
	}
	return nil
}

// take takes one request. It runs on the subscription's goroutine and never waits: a signal between members is relayed
// here, everything else goes to the worker that owns the room. decode is nil or reads this operation's payload.
func (s *Service) take(op proto.Op, data []byte, reply string, header nats.Header,
	decode func([]byte) (proto.Request, error),
) {
	defer s.contain("intake")
	if !s.subjects.ReplyAllowed(reply) {
		reason := "reply-subject"
		if reply == "" {
			reason = "no-reply"
		}
		s.metrics.dropped[reason].Inc()
		return
	}
	if decode == nil {
		decode = func(b []byte) (proto.Request, error) { return proto.DecodeRequest(op, b) }
	}
	req, err := decode(data)
	if err != nil {
		s.refuse(op, &req, reply, proto.CodeBadRequest, err.Error())
		return
	}
	if op == proto.OpSignal && s.relay(&req, reply) {
		return
	}
	id, timeout, err := readHeader(op, header)
	if err != nil {
		s.refuse(op, &req, reply, proto.CodeBadRequest, err.Error())
		return
	}
	now := time.Now()
	a := &ask{
		Request:  room.Request{Request: req, Op: op, ID: id},
		replies:  []string{reply},
		arrived:  now,
		deadline: now.Add(timeout),
	}
	if op == proto.OpList {
		s.postList(a)
		return
	}
	a.token = req.Room.Token()
	if !s.worker(a.token).postAsk(a) {
		s.metrics.overflow("mailbox")
		s.refuse(op, &req, reply, proto.CodeUnavailable, "the room service has too much to do")
	}
}

// readHeader returns what makes repeating a request safe, and how long its asker waits. Only what changes a room, or is
// answered by another process, needs the first.
func readHeader(op proto.Op, header nats.Header) (proto.RequestID, time.Duration, error) {
	id := proto.RequestID(header.Get(proto.HeaderRequest))
	if id != "" || op == proto.OpCreate || op == proto.OpJoin || op == proto.OpLeave {
		if err := id.Check(); err != nil {
			return "", 0, fmt.Errorf("%w: the header %s: %w", proto.ErrRequest, proto.HeaderRequest, err)
		}
	}
	text := header.Get(proto.HeaderTimeout)
	if text == "" {
		return id, proto.RequestTimeout, nil
	}
	ms, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return "", 0, fmt.Errorf("%w: the header %s has to be a number of milliseconds", proto.ErrRequest, proto.HeaderTimeout)
	}
	return id, min(time.Duration(ms)*time.Millisecond, maxTimeout), nil //nolint:gosec // 31 bits
}

// refuse answers a request that goes no further.
func (s *Service) refuse(op proto.Op, req *proto.Request, reply string, code proto.Code, message string) {
	e := proto.Event{Name: proto.Error, Code: code, Message: message}
	if req.Room.Check() == nil {
		e.Room = req.Room
	}
	if req.ClientID.Check() == nil {
		e.SenderID = req.ClientID
	}
	s.metrics.answered(op, &e, 0)
	s.publish(reply, proto.AppendEvent(nil, &e))
}

// reply answers an attempt. With a room-joined a header tells which request the member's record bears, since that is what
// its leave has to name: another than this one, or this one where the gateway has had it in the room all along.
func (s *Service) reply(subject string, data []byte, bears proto.RequestID) {
	if bears == "" {
		s.publish(subject, data)
		return
	}
	header := nats.Header{proto.HeaderRequest: {string(bears)}}
	if err := s.nc.PublishMsg(&nats.Msg{Subject: subject, Header: header, Data: data}); err != nil {
		s.metrics.unsent.Inc()
	}
}

// publish sends a message over the one connection that tells and answers. One that cannot be sent is lost: askers ask
// again, and changes are told again after a reconnection.
func (s *Service) publish(subject string, data []byte) {
	if err := s.nc.Publish(subject, data); err != nil {
		s.metrics.unsent.Inc()
	}
}
