package parley

import (
	"context"
	"fmt"

	"github.com/parley-rtc/parley/proto"
)

// Knock asks to be let into a room that is locked, or whose password one lacks, and waits for it. It returns nil once the client may join,
// which it then should within a minute. [Refused]: it was not let in. Else it returns what stands in the way, as [Client.Join] does.
func (c *Client) Knock(ctx context.Context, name string, entry Entry) error {
	f, err := entering(proto.RoomKnock, name, Entry{Meta: entry.Meta, Password: entry.Password})
	if err != nil {
		return err
	}
	decided := make(chan error, 1)
	c.mu.Lock()
	c.endKnock(name, refusal(Refused, name)) // a second knock takes the place of the first
	c.knocks[name] = decided
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		if c.knocks[name] == decided {
			delete(c.knocks, name)
		}
		c.mu.Unlock()
	}()
	a, err := c.ask(ctx, &request{frame: f})
	if err != nil || a.event.Name == proto.KnockAdmitted {
		return err
	}
	select {
	case err := <-decided:
		return err
	case <-ctx.Done():
		return fmt.Errorf("parley: knocking at %q: %w", name, ctx.Err())
	}
}

func (c *Client) endKnock(name string, why error) bool {
	decided := c.knocks[name]
	delete(c.knocks, name)
	if decided != nil {
		decided <- why
	}
	return decided != nil
}

// knockDecided: somebody has decided, or the room is gone.
func (c *Client) knockDecided(e *proto.Event) {
	switch e.Name {
	case proto.KnockAdmitted:
		c.endKnock(string(e.Room), nil)
	case proto.KnockRefused:
		c.endKnock(string(e.Room), refusal(Refused, string(e.Room)))
	default:
		c.endKnock(string(e.Room), refusal(RoomNotExists, string(e.Room)))
	}
}

// knockFailed: an error that answers no request may be the end of a knock.
func (c *Client) knockFailed(err *Error) bool { return c.endKnock(err.Room, err) }

func (c *Client) endKnocks(code Code) {
	for name := range c.knocks {
		c.endKnock(name, refusal(code, name))
	}
}

// renew brings another token before the present one expires.
func (c *Client) renew() {
	if c.token == nil || c.fixed {
		return
	}
	c.all.Go(func() {
		text, err := c.token(c.ctx)
		if err == nil {
			err = c.do(c.ctx, proto.Frame{Name: proto.TokenRenew, More: &proto.FrameMore{Token: text}})
		}
		if err == nil || c.ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		c.notices = append(c.notices, Notice{Err: err})
		c.mu.Unlock()
	})
}

func isMoved(err error) bool { return err != nil && err.Error() == closing(closedMoved, "").Error() }
