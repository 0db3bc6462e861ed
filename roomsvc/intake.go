package roomsvc

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// version of the NATS micro service, which `nats micro` shows.
const version = "1.0.0"

// intake takes requests.
type intake struct {
	s *Service
	// Set by serve.
	requests *nats.Subscription
	micro    micro.Service
}

// serve begins to take requests: those meant for this replica, and those meant for any. It fails only when the
// connection is closed for good.
func (in *intake) serve() error {
	s := in.s
	sub, err := s.nc.Subscribe(s.subjects.ReplicaAll(s.id), func(m *nats.Msg) {
		op := s.subjects.ReplicaOp(m.Subject)
		if op == proto.OpSignal {
			// It comes from a gateway, which has checked the data.
			in.take(op, m.Data, m.Reply, m.Header, proto.DecodeSignal)
			return
		}
		in.take(op, m.Data, m.Reply, m.Header, nil)
	})
	if err != nil {
		return fmt.Errorf("subscribe to requests: %w", err)
	}
	in.requests = sub
	in.micro, err = micro.AddService(s.nc.Conn, micro.Config{
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
			in.take(op, r.Data(), r.Reply(), nats.Header(r.Headers()), nil)
		})
		if err := in.micro.AddEndpoint(string(op), handler, micro.WithEndpointSubject(s.subjects.Rooms(op))); err != nil {
			return fmt.Errorf("add the endpoint %s: %w", op, err)
		}
	}
	return in.serveOperators()
}

// serveOperators begins to take what operators ask for. Only their login may publish there.
func (in *intake) serveOperators() error {
	s := in.s
	for _, op := range proto.AdminOps() {
		decode := func(b []byte) (proto.Request, error) { return proto.DecodeAdmin(op, b) }
		handler := micro.HandlerFunc(func(r micro.Request) {
			if op == proto.OpRevoke {
				in.revoke(r.Data(), r.Reply())
				return
			}
			in.take(op, r.Data(), r.Reply(), nats.Header(r.Headers()), decode)
		})
		if err := in.micro.AddEndpoint("admin-"+string(op), handler, micro.WithEndpointSubject(s.subjects.Admin(op))); err != nil {
			return fmt.Errorf("add the endpoint admin-%s: %w", op, err)
		}
	}
	return nil
}

// ofClients reports whether an operation is what a client asks for, and so names its user where gateways ask for tokens. Leaves
// are not: a gateway makes them also for whom it does not know.
func ofClients(op proto.Op) bool {
	switch op {
	case proto.OpRoster, proto.OpList, proto.OpRevoked, proto.OpLeave:
		return false
	default:
		return true
	}
}

// take takes one request. It runs on the subscription's goroutine and never waits: a signal between members is relayed
// here, everything else goes to the worker that owns the room. decode is nil or reads this operation's payload.
func (in *intake) take(op proto.Op, data []byte, reply string, header nats.Header,
	decode func([]byte) (proto.Request, error),
) {
	s := in.s
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
		s.wire.refuse(op, &req, reply, proto.CodeBadRequest, err.Error())
		return
	}
	if s.cfg.RequireUser && req.Sub == "" && !req.Admin && ofClients(op) {
		s.wire.refuse(op, &req, reply, proto.CodeForbidden, "the gateway does not say which user asks, and this room service requires it")
		return
	}
	token := req.Room.Token()
	if op == proto.OpSignal {
		// Memory may be behind: its yes is checked by the target's gateway, its no is not believed, and the leader asked.
		if gateway, ok := s.crew.of(token).rooms.Route(token, req.ClientID, req.TargetID); ok {
			s.wire.Forward(&req, gateway, reply)
			return
		}
	}
	id, timeout, err := readHeader(op, header)
	if err != nil {
		s.wire.refuse(op, &req, reply, proto.CodeBadRequest, err.Error())
		return
	}
	now := time.Now()
	if op == proto.OpRevoked {
		s.revoked.answer(reply)
		return
	}
	if op == proto.OpList {
		s.lists.post(s, listing{after: req.After, limit: req.Limit, reply: reply, arrived: now})
		return
	}
	a := &worker.Ask{
		Request: room.Request{Request: req, Op: op, ID: id},
		Token:   token, Replies: []string{reply}, Arrived: now, Deadline: now.Add(timeout),
	}
	if !s.crew.of(token).postAsk(a) {
		s.metrics.overflow("mailbox")
		s.wire.refuse(op, &req, reply, proto.CodeUnavailable, "the room service has too much to do")
	}
}

// readHeader returns what makes repeating a request safe, and how long its asker waits. Only what changes a room, or is
// answered by another process, needs the first.
func readHeader(op proto.Op, header nats.Header) (proto.RequestID, time.Duration, error) {
	id := proto.RequestID(header.Get(proto.HeaderRequest))
	if id != "" || op.Changes() {
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
	return id, min(time.Duration(ms)*time.Millisecond, maxTimeout), nil // 31 bits
}
