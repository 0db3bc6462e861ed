package operate

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// printer prints events in order, each once.
type printer struct {
	out, note io.Writer
	json      bool
	levels    levels
	wide      int // the column of room names
}

// minWide is how wide the column of room names is at least.
const minWide = 12

// clock is how times are printed.
const clock = "15:04:05.000"

// say prints what is no event beside the events.
func (p *printer) say(text string) { fmt.Fprintln(p.note, "parley watch: "+text) }

// event prints a message, which was heard at a time.
func (p *printer) event(m *nats.Msg, at time.Time) error {
	e, err := proto.DecodeEvent(m.Data)
	if err != nil {
		p.say(fmt.Sprintf("something on %s cannot be read: %v", m.Subject, err))
		return nil
	}
	fresh, gap := p.levels.take(&e, at)
	if !fresh {
		return nil
	}
	if gap != nil {
		text := fmt.Sprintf("changes of %s between %d and %d were missed", quote(string(e.Room)), gap.from, gap.to)
		if p.json {
			p.say(text)
		} else if err := p.line(at, "(missed)", e.Room, fmt.Sprintf("something between %d and %d", gap.from, gap.to)); err != nil {
			return err
		}
	}
	if p.json {
		return print(p.out, string(m.Data)+"\n")
	}
	return p.line(at, quote(string(e.Name)), e.Room, fmt.Sprintf("%s  seq %d", who(&e), e.Seq))
}

func (p *printer) line(at time.Time, what string, room proto.Room, rest string) error {
	name := quote(string(room))
	p.wide = max(p.wide, minWide, min(width(name), widest))
	name += strings.Repeat(" ", max(p.wide-width(name), 0))
	return print(p.out, fmt.Sprintf("%s  %-13s  %s  %s\n", at.Format(clock), what, name, rest))
}

// who returns whom an event is about, and why it is so.
func who(e *proto.Event) string {
	about := e.ID
	if about == "" {
		about = e.OwnerID
	}
	text := quote(string(about))
	if e.Reason != "" {
		text += "  " + quote(string(e.Reason))
	}
	switch {
	case e.Name == proto.ClientLeft && e.OwnerID != "":
		text += "  owner " + quote(string(e.OwnerID))
	case e.FreshBack:
		text += "  fresh"
	}
	return text
}
