package parley

import (
	"context"
	"encoding/json"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// entering is a request that makes this client a member.
func entering(kind proto.Name, name string, entry Entry) (proto.Frame, error) {
	f := proto.Frame{Name: kind, Room: proto.Room(name)}
	if kind != proto.RoomJoin {
		f.Policy = proto.Policy(entry.OnOwnerGone)
	}
	if entry.Meta == nil && entry.Password == "" {
		return f, nil
	}
	f.More = new(proto.FrameMore)
	if entry.Meta != nil {
		text, err := object(name, entry.Meta)
		if err != nil {
			return f, err
		}
		f.More.Meta = text
	}
	if kind != proto.RoomCreate {
		f.More.SetPassword(entry.Password)
	}
	return f, nil
}

// object is a value as a JSON object.
func object(room string, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, &Error{Code: Code(proto.CodeBadRequest), Message: "meta is no JSON: " + err.Error(), Room: room}
	}
	if len(text) == 0 || text[0] != '{' {
		return nil, &Error{Code: Code(proto.CodeBadRequest), Message: "meta is a JSON object, such as {\"name\":\"Ann\"}", Room: room}
	}
	return text, nil
}

// Create creates a room and becomes its owner. [RoomExists]: there is one of that name. A name is 1 to 128 bytes of UTF-8 without control
// characters.
func (c *Client) Create(ctx context.Context, name string, entry Entry) (*Room, error) {
	return c.become(ctx, proto.RoomCreate, name, entry)
}

// Join joins a room. [RoomNotExists], or "locked", "bad-password", "banned", "forbidden", "room-full".
func (c *Client) Join(ctx context.Context, name string, entry Entry) (*Room, error) {
	return c.become(ctx, proto.RoomJoin, name, entry)
}

func (c *Client) become(ctx context.Context, kind proto.Name, name string, entry Entry) (*Room, error) {
	f, err := entering(kind, name, entry)
	if err != nil {
		return nil, err
	}
	a, err := c.ask(ctx, &request{frame: f, entry: entry})
	return a.room, err
}

// Leave leaves a room; where it is away, as soon as the server can be told. Leaving one that the client is not in is no error.
func (c *Client) Leave(ctx context.Context, name string) error {
	c.mu.Lock()
	room := c.roomOrStay(name)
	if s := c.stays[name]; s != nil {
		s.stop()
		delete(c.stays, name)
	}
	if room != nil && room.away {
		if p := c.resuming[name]; p != nil {
			p.room, p.fresh = nil, true
		}
		c.forget(room, End{How: Left})
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	return c.do(ctx, proto.Frame{Name: proto.RoomLeave, Room: proto.Room(name)})
}

// CloseRoom ends a room for all. Its owner and moderators may; others hear "forbidden".
func (c *Client) CloseRoom(ctx context.Context, name string) error {
	return c.do(ctx, proto.Frame{Name: proto.RoomClose, Room: proto.Room(name)})
}

func (c *Client) do(ctx context.Context, f proto.Frame) error {
	_, err := c.ask(ctx, &request{frame: f})
	return err
}

// SetMeta says something else of this client: a JSON object of 256 bytes at most.
func (r *Room) SetMeta(ctx context.Context, meta any) error {
	text, err := object(r.name, meta)
	if err != nil {
		return err
	}
	return r.do(ctx, proto.MemberUpdate, "", &proto.FrameMore{Meta: text})
}

func (r *Room) do(ctx context.Context, name proto.Name, target string, more *proto.FrameMore) error {
	return r.client.do(ctx, proto.Frame{Name: name, Room: proto.Room(r.name), TargetID: proto.ClientID(target), More: more})
}

// Kick removes a member, which cannot come back for ten seconds. message is a word to it, or empty. This and what follows is for the owner
// and moderators; others hear "forbidden".
func (r *Room) Kick(ctx context.Context, id, message string) error {
	return r.do(ctx, proto.RoomKick, id, &proto.FrameMore{Message: message})
}

// Ban is a user that is kept out.
type Ban struct {
	Sub string // lifts the ban: [Room.Unban]
	For time.Duration
}

// Ban keeps the user of a member out, with all clients that it has, for whole seconds up to a day. The server has to ask for tokens.
func (r *Room) Ban(ctx context.Context, id string, d time.Duration, message string) (Ban, error) {
	return r.ban(ctx, id, "", d, message)
}

// BanUser is [Room.Ban] of a user who need not be there, by its sub.
func (r *Room) BanUser(ctx context.Context, sub string, d time.Duration, message string) (Ban, error) {
	return r.ban(ctx, "", sub, d, message)
}

func (r *Room) ban(ctx context.Context, id, sub string, d time.Duration, message string) (Ban, error) {
	more := &proto.FrameMore{Sub: sub, Seconds: int64(d / time.Second), Message: message}
	a, err := r.client.ask(ctx, &request{frame: proto.Frame{
		Name: proto.RoomBan, Room: proto.Room(r.name), TargetID: proto.ClientID(id), More: more,
	}})
	if err != nil || a.event.More == nil {
		return Ban{}, err
	}
	return Ban{Sub: a.event.More.Sub, For: time.Duration(a.event.More.Seconds) * time.Second}, nil
}

// Unban lets a user come again.
func (r *Room) Unban(ctx context.Context, sub string) error {
	return r.do(ctx, proto.RoomUnban, "", &proto.FrameMore{Sub: sub})
}

// Changes is what [Room.Update] changes: what is nil stays.
type Changes struct {
	Locked      *bool
	Password    *string // empty: there is none any more
	MaxMembers  *int    // 0: no limit any more
	Knock       *bool
	OnOwnerGone *Policy
	Meta        any // the room's own, a JSON object
}

// Update changes what stands about the room.
func (r *Room) Update(ctx context.Context, changes Changes) error {
	u := &proto.Update{Locked: changes.Locked, MaxMembers: changes.MaxMembers, Knock: changes.Knock}
	more := &proto.FrameMore{Update: u}
	if p := changes.Password; p != nil && *p == "" {
		u.Proof = p
	} else if p != nil {
		more.SetPassword(*p)
	}
	if p := changes.OnOwnerGone; p != nil {
		policy := proto.Policy(*p)
		u.Policy = &policy
	}
	if changes.Meta != nil {
		text, err := object(r.name, changes.Meta)
		if err != nil {
			return err
		}
		u.Meta = text
	}
	return r.do(ctx, proto.RoomUpdate, "", more)
}

// Transfer makes a member the owner, in the place of this client.
func (r *Room) Transfer(ctx context.Context, id string) error {
	return r.do(ctx, proto.RoomTransfer, id, nil)
}

// Admit lets in who knocks.
func (r *Room) Admit(ctx context.Context, id string) error {
	return r.do(ctx, proto.RoomAdmit, id, nil)
}

// Refuse does not let in who knocks, for a minute.
func (r *Room) Refuse(ctx context.Context, id string) error {
	return r.do(ctx, proto.RoomRefuse, id, nil)
}

// Person is a client in a [Roster].
type Person struct {
	ID  string
	Sub string // who bans and limits go by; empty without a token
	Info
}

// Roster is who is there, and what only the owner and moderators are told.
type Roster struct {
	Owner   string
	Members []Person // all, in the order in which they joined
	Bans    []Ban
	Knocks  []Person
}

// Roster asks who is there with their subs, who is banned, and who knocks.
func (r *Room) Roster(ctx context.Context) (Roster, error) {
	a, err := r.client.ask(ctx, &request{frame: proto.Frame{Name: proto.RoomRoster, Room: proto.Room(r.name)}})
	if err != nil {
		return Roster{}, err
	}
	roster := Roster{Owner: string(a.event.OwnerID)}
	if m := a.event.More; m != nil {
		roster.Members, roster.Knocks = people(m.Members), people(m.Knocks)
		for _, b := range m.Bans {
			roster.Bans = append(roster.Bans, Ban{Sub: b.Sub, For: time.Duration(b.Seconds) * time.Second})
		}
	}
	return roster, nil
}

func people(members []proto.MemberInfo) []Person {
	out := make([]Person, len(members))
	for i, m := range members {
		out[i] = Person{ID: string(m.ID), Sub: m.Sub, Info: Info{
			User: m.User, Claims: json.RawMessage(m.Claims), Meta: json.RawMessage(m.Meta), Mod: m.Mod,
		}}
	}
	return out
}
