package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// admin is what the commands that change something have: they need the login admin.
type admin struct {
	flags
}

// order asks the room service for something as the operator. The error is a sentence.
func (a *admin) order(ctx context.Context, name string, op proto.Op, r *proto.Request) (proto.Event, error) {
	c, err := a.connect(name)
	if err != nil {
		return proto.Event{}, err
	}
	defer c.Close()
	r.Admin = true
	m := nats.NewMsg(c.subjects.Admin(op))
	m.Data = proto.AppendRequest(nil, op, r)
	m.Header.Set(proto.HeaderRequest, string(proto.NewRequestID()))
	m.Header.Set(proto.HeaderTimeout, strconv.FormatInt(c.timeout.Milliseconds(), 10))
	answer, err := c.request(ctx, m)
	switch {
	case errors.Is(err, errDenied):
		return proto.Event{}, fmt.Errorf("%w: it may not publish to %s; log in as admin", err, m.Subject)
	case errors.Is(err, errNobody):
		return proto.Event{}, fmt.Errorf("no room service of a version that knows operators serves the prefix %q (%w)", c.subjects.Prefix(), err)
	case err != nil:
		return proto.Event{}, fmt.Errorf("the room service: %w; look at `parley status`, and ask again", err)
	}
	e, err := proto.DecodeEvent(answer.Data)
	switch {
	case err != nil:
		return proto.Event{}, fmt.Errorf("the room service's answer: %w", err)
	case e.Name == proto.RoomNotExists:
		return e, fmt.Errorf("%w; `parley rooms` lists those that there are", errNoRoom)
	case e.Name == proto.TargetNotFound:
		return e, fmt.Errorf("%s is not in that room; `parley room` lists who is", quote(string(r.TargetID)))
	case e.Name == proto.Error:
		return e, fmt.Errorf("the room service answers %s: %s", e.Code, e.Message)
	}
	return e, nil
}

// said prints what was done, or as JSON what was answered.
func (a *admin) said(out io.Writer, e *proto.Event, format string, args ...any) error {
	if a.JSON {
		return print(out, string(proto.AppendEvent(nil, e))+"\n")
	}
	return print(out, fmt.Sprintf(format, args...)+"\n")
}

// kick is the command that removes a client from a room.
type kick struct {
	admin

	Room    string `arg:"" help:"The room's name."`
	Client  string `arg:"" help:"The client's id, as parley room shows it."`
	Message string `help:"A word to the client."`
}

func (k *kick) check() error { return errors.Join(checkRoom(k.Room), k.flags.check()) }

func (k *kick) run(ctx context.Context, out, _ io.Writer) error {
	e, err := k.order(ctx, "kick", proto.OpKick, &proto.Request{
		Room: proto.Room(k.Room), TargetID: proto.ClientID(k.Client), Message: k.Message,
	})
	if err != nil {
		return err
	}
	return k.said(out, &e, "%s is removed from %s, and stays out for %d s", quote(k.Client), quote(k.Room), proto.HoldFor)
}

// ban is the command that keeps a user out of a room.
type ban struct {
	admin

	Room    string        `arg:"" help:"The room's name."`
	User    string        `arg:"" help:"The sub of the user's tokens, as parley room shows it."`
	For     time.Duration `name:"for" default:"1h" placeholder:"TIME" help:"How long, 24h at most (${default}); 0 lifts the ban."`
	Message string        `help:"A word to the user's clients there."`
}

func (b *ban) check() error {
	if b.For < 0 || b.For > proto.MaxBan*time.Second {
		return settings.Errorf("--for %v cannot be: set it to a time from 1s to 24h, or to 0 to lift the ban", b.For)
	}
	return errors.Join(checkRoom(b.Room), b.flags.check())
}

func (b *ban) run(ctx context.Context, out, _ io.Writer) error {
	r := &proto.Request{Room: proto.Room(b.Room), Banned: b.User, Seconds: int64(b.For / time.Second), Message: b.Message}
	if b.For == 0 {
		e, err := b.order(ctx, "ban", proto.OpUnban, r)
		if err != nil {
			return err
		}
		return b.said(out, &e, "%s may come to %s again", quote(b.User), quote(b.Room))
	}
	e, err := b.order(ctx, "ban", proto.OpBan, r)
	if err != nil {
		return err
	}
	return b.said(out, &e, "%s is banned from %s for %v", quote(b.User), quote(b.Room), b.For)
}

// shut is the command that ends a room for all.
type shut struct {
	admin

	Room string `arg:"" help:"The room's name."`
}

func (s *shut) check() error { return errors.Join(checkRoom(s.Room), s.flags.check()) }

func (s *shut) run(ctx context.Context, out, _ io.Writer) error {
	e, err := s.order(ctx, "close", proto.OpClose, &proto.Request{Room: proto.Room(s.Room)})
	if err != nil {
		return err
	}
	return s.said(out, &e, "%s is closed", quote(s.Room))
}

// revoke is the command that takes back a user's tokens.
type revoke struct {
	admin

	User string        `arg:"" help:"The sub of the tokens, or their user."`
	For  time.Duration `name:"for" default:"24h" placeholder:"TIME" help:"How long that is remembered: the longest --auth-max-ttl of a gateway (${default})."`
}

func (r *revoke) check() error {
	if r.For < time.Second {
		return settings.Errorf("--for %v cannot be: set it to what --auth-max-ttl of the gateways is", r.For)
	}
	return r.flags.check()
}

func (r *revoke) run(ctx context.Context, out, _ io.Writer) error {
	now := time.Now()
	e, err := r.order(ctx, "revoke", proto.OpRevoke, &proto.Request{
		Banned: r.User, Before: now.Unix(), Until: now.Add(r.For).Unix(),
	})
	if err != nil {
		return err
	}
	return r.said(out, &e, "tokens of %s that were issued before now count no more", quote(r.User))
}

// disconnect is the command that ends a user's connections.
type disconnect struct {
	admin

	User string `arg:"" help:"The sub of the user's token, or its user."`
}

func (d *disconnect) check() error { return d.flags.check() }

// closed is what a gateway answers.
type closed struct {
	Gateway     proto.GatewayID `json:"gateway"`
	Connections uint64          `json:"connections"`
}

func (d *disconnect) run(ctx context.Context, out, _ io.Writer) error {
	c, err := d.connect("disconnect")
	if err != nil {
		return err
	}
	defer c.Close()
	beats := make(chan *nats.Msg, waiting)
	if err := c.hear(c.subjects.BeatAll(proto.RoleGateway), beats); err != nil {
		return fmt.Errorf("%w: log in as admin", err)
	}
	inbox, answers := c.NewInbox(), make(chan *nats.Msg, waiting)
	if err := c.hear(inbox, answers); err != nil {
		return err
	}
	m := nats.NewMsg(c.subjects.Admin(proto.OpDisconnect))
	m.Reply, m.Data = inbox, proto.AppendRequest(nil, proto.OpDisconnect, &proto.Request{Admin: true, Banned: d.User})
	before := c.LastError()
	if err := c.PublishMsg(m); err != nil {
		return fmt.Errorf("ask %s: %w", m.Subject, err)
	}
	if err := c.allowed(before); err != nil {
		return fmt.Errorf("%w: it may not publish to %s; log in as admin", err, m.Subject)
	}
	silent, ended, err := d.collect(ctx, beats, answers)
	if err != nil {
		return err
	}
	if len(silent) > 0 {
		return fmt.Errorf("%s ended, but %s did not answer: %v; ask again", plural(ended, "connection", "connections"),
			plural(uint64(len(silent)), "gateway", "gateways"), silent)
	}
	if d.JSON {
		return print(out, fmt.Sprintf("{\"connections\":%d}\n", ended))
	}
	return print(out, plural(ended, "connection", "connections")+" of "+quote(d.User)+" ended\n")
}

// collect hears what gateways answer, and who of those that beat has not.
func (d *disconnect) collect(ctx context.Context, beats, answers chan *nats.Msg) (silent []string, ended uint64, err error) {
	beating, answered := map[string]bool{}, map[string]bool{}
	over := time.After(window)
	for {
		select {
		case m := <-beats:
			if b, err := proto.DecodeBeat(m.Data); err == nil && b.State == proto.Up && b.Load != nil {
				beating[b.ID] = true
			}
		case m := <-answers:
			var one closed
			if e, err := proto.DecodeEvent(m.Data); err == nil && e.Name == proto.Error {
				return nil, ended, fmt.Errorf("a gateway answers %s: %s", e.Code, e.Message)
			}
			if len(m.Data) > 0 && json.Unmarshal(m.Data, &one) == nil && !answered[string(one.Gateway)] {
				answered[string(one.Gateway)] = true
				ended += one.Connections
			}
		case <-over:
			for id := range beating {
				if !answered[id] {
					silent = append(silent, id)
				}
			}
			return silent, ended, nil
		case <-ctx.Done():
			return nil, ended, fmt.Errorf("interrupted: %w", ctx.Err())
		}
	}
}
