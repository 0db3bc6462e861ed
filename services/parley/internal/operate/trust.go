package operate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// trust adds to a room's view who its members are and what stands about it: what moderators see, where the login may ask for that, and
// else what members are told.
func (c *conn) trust(ctx context.Context, v *roomView, roster *proto.Event) {
	e := *roster
	m := nats.NewMsg(c.subjects.Admin(proto.OpAbout))
	m.Data = proto.AppendRequest(nil, proto.OpAbout, &proto.Request{Admin: true, Room: v.Room})
	m.Header.Set(proto.HeaderTimeout, strconv.FormatInt(c.timeout.Milliseconds(), 10))
	if answer, err := c.request(ctx, m); err == nil {
		if more, err := proto.DecodeEvent(answer.Data); err == nil && more.Name == proto.RoomRoster {
			e = more
		}
	}
	if e.More == nil {
		return
	}
	v.Who = make(map[proto.ClientID]*proto.Who, len(e.More.Members))
	for i := range e.More.Members {
		if m := &e.More.Members[i]; !m.Empty() {
			v.Who[m.ID] = &m.Who
		}
	}
	v.About = standing(e.More)
}

// standing says in words what stands about a room.
func standing(m *proto.More) []string {
	var list []string
	add := func(is bool, format string, args ...any) {
		if is {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	add(m.Locked, "locked: nobody joins")
	add(m.Password, "it needs a password")
	add(m.MaxMembers > 0, "%d members at most", m.MaxMembers)
	add(m.Knock, "who meets the lock may knock")
	add(m.Meta != nil, "meta %s", m.Meta)
	for _, b := range m.Bans {
		add(true, "%s is banned, for another %v", quote(b.Sub), time.Duration(b.Seconds)*time.Second)
	}
	for i := range m.Knocks {
		k := &m.Knocks[i]
		add(true, "%s knocks%s", quote(string(k.ID)), named(&k.Who))
	}
	return list
}

// named says in words who a member is.
func named(w *proto.Who) string {
	if w.Empty() {
		return ""
	}
	text := ""
	if w.User != "" {
		text += "  " + quote(w.User)
	}
	if w.Sub != "" && w.Sub != w.User {
		text += "  sub " + quote(w.Sub)
	}
	if w.Mod {
		text += "  moderator"
	}
	if w.Claims != nil {
		text += "  " + string(w.Claims)
	}
	return text
}
