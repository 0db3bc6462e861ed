package operate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// What becomes of a message that asks something.
var (
	errDenied  = errors.New("not allowed with this login")
	errNobody  = errors.New("nobody answers")
	errSilence = errors.New("no answer in time")
)

// conn is a connection of a command. One goroutine uses it: a refusal of NATS belongs to what was sent last.
type conn struct {
	*nats.Conn

	subjects proto.Subjects
	timeout  time.Duration
}

// connect logs in. The options come after those of every command.
func (f *flags) connect(name string, more ...nats.Option) (*conn, error) {
	subjects, err := proto.NewSubjects(f.Prefix.Prefix)
	if err != nil {
		return nil, err // check has seen it
	}
	login, err := f.NATS.Options()
	if err != nil {
		return nil, err // it is a sentence
	}
	options := append([]nats.Option{nats.Name("parley " + name), nats.Timeout(f.Timeout), nats.NoReconnect()}, login...)
	nc, err := nats.Connect(f.Servers, append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return &conn{Conn: nc, subjects: subjects, timeout: f.Timeout}, nil
}

// allowed makes what was sent reach NATS, and returns errDenied when NATS refused it.
func (c *conn) allowed(before error) error {
	if err := c.FlushTimeout(c.timeout); err != nil {
		return fmt.Errorf("NATS: %w", err)
	}
	// NATS says no before it answers the flush. Each refusal is an error of its own, so another one is a new one.
	if after := c.LastError(); after != before && errors.Is(after, nats.ErrPermissionViolation) { //nolint:errorlint // as said
		return errDenied
	}
	return nil
}

// hear subscribes a channel, whose capacity is what may wait.
func (c *conn) hear(subject string, into chan *nats.Msg) error {
	before := c.LastError()
	if _, err := c.ChanSubscribe(subject, into); err != nil {
		return fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	return c.allowed(before)
}

// request sends a message and waits for its answer.
func (c *conn) request(ctx context.Context, m *nats.Msg) (*nats.Msg, error) {
	m.Reply = c.NewInbox()
	sub, err := c.SubscribeSync(m.Reply)
	if err != nil {
		return nil, fmt.Errorf("subscribe for answers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be closed already
	before := c.LastError()
	if err := c.PublishMsg(m); err != nil {
		return nil, fmt.Errorf("ask %s: %w", m.Subject, err)
	}
	if err := c.allowed(before); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := sub.NextMsgWithContext(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, errSilence
	case errors.Is(err, nats.ErrNoResponders),
		err == nil && len(answer.Data) == 0 && answer.Header.Get("Status") == "503":
		return nil, errNobody
	case err != nil:
		return nil, fmt.Errorf("ask %s: %w", m.Subject, err)
	}
	return answer, nil
}

// ask sends a request to the room service. An error is a sentence.
func (c *conn) ask(ctx context.Context, op proto.Op, r *proto.Request) (proto.Event, error) {
	e, _, err := c.askBeside(ctx, op, r)
	return e, err
}

// askBeside is ask, and returns what stands beside the answer, too.
func (c *conn) askBeside(ctx context.Context, op proto.Op, r *proto.Request) (proto.Event, nats.Header, error) {
	m := nats.NewMsg(c.subjects.Rooms(op))
	m.Data = proto.AppendRequest(nil, op, r)
	m.Header.Set(proto.HeaderRequest, string(proto.NewRequestID()))
	m.Header.Set(proto.HeaderTimeout, strconv.FormatInt(c.timeout.Milliseconds(), 10))
	answer, err := c.request(ctx, m)
	switch {
	case errors.Is(err, errDenied):
		return proto.Event{}, nil, fmt.Errorf("%w: it may not publish to %s; log in as one that may, such as the observer", err, m.Subject)
	case errors.Is(err, errNobody):
		return proto.Event{}, nil, fmt.Errorf("no room service serves the prefix %q (%w): start parley or parley-roomsvc, "+
			"or set --prefix to theirs", c.subjects.Prefix(), err)
	case errors.Is(err, errSilence):
		return proto.Event{}, nil, fmt.Errorf("the room service: %w (%v); look at `parley status`, or set --timeout to more", err, c.timeout)
	case err != nil:
		return proto.Event{}, nil, err
	}
	e, err := proto.DecodeEvent(answer.Data)
	if err != nil {
		return proto.Event{}, nil, fmt.Errorf("the room service's answer: %w", err)
	}
	if e.Name == proto.Error {
		return proto.Event{}, nil, fmt.Errorf("the room service answers %s: %s; ask again", e.Code, e.Message)
	}
	return e, answer.Header, nil
}
