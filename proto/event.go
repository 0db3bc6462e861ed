package proto

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Name names an event.
type Name string

// Requests of clients.
const (
	RoomCreate Name = "room-create"
	RoomJoin   Name = "room-join"
	RoomLeave  Name = "room-leave"
	RoomEnter  Name = "room-enter"
	RoomClose  Name = "room-close"
	SignalSend Name = "signal-send"
	Resume     Name = "resume"
	Ping       Name = "ping"
)

// Requests of members, owners and moderators, and of who wants to come in.
const (
	MemberUpdate Name = "member-update"
	RoomKick     Name = "room-kick"
	RoomBan      Name = "room-ban"
	RoomUnban    Name = "room-unban"
	RoomUpdate   Name = "room-update"
	RoomTransfer Name = "room-transfer"
	RoomRoster   Name = "room-roster" // the answer has the same name
	RoomKnock    Name = "room-knock"
	RoomAdmit    Name = "room-admit"
	RoomRefuse   Name = "room-refuse"
	TokenRenew   Name = "token"
	ICE          Name = "ice" // the answer has the same name
)

// What clients are told, and what replicas answer and tell.
const (
	Connected      Name = "connected"
	Pong           Name = "pong"
	RoomCreated    Name = "room-created"
	RoomExists     Name = "room-exists"
	RoomJoined     Name = "room-joined"
	RoomNotExists  Name = "room-not-exists"
	RoomLeft       Name = "room-left"
	NotInRoom      Name = "not-in-room"
	TargetNotFound Name = "target-not-found"
	SignalSent     Name = "signal-sent"
	SignalHeld     Name = "signal-held"
	SignalReceive  Name = "signal-receive"
	Resumed        Name = "resumed"
	Live           Name = "live"
	ClientJoined   Name = "client-joined"
	ClientLeft     Name = "client-left"
	ClientAway     Name = "client-away"
	ClientBack     Name = "client-back"
	RoomClosed     Name = "room-closed" // over NATS only: gateways turn it into room-left, kicked
	// Of names and moderation. MemberUpdated and RoomUpdated are room events with a prev, and without one the asker's answer.
	MemberUpdated  Name = "member-updated"
	RoomUpdated    Name = "room-updated"
	ClientKicked   Name = "client-kicked"
	ClientBanned   Name = "client-banned"
	ClientUnbanned Name = "client-unbanned"
	ClientAdmitted Name = "client-admitted"
	ClientRefused  Name = "client-refused"
	ClientKnocked  Name = "client-knocked" // to the owner and to moderators in the room
	KnockPending   Name = "knock-pending"  // to who knocked: somebody has to decide
	KnockAdmitted  Name = "knock-admitted" // it may join now
	KnockRefused   Name = "knock-refused"  // it may knock again in a minute
	TokenExpiring  Name = "token-expiring"
	TokenAccepted  Name = "token-accepted"
	Error          Name = "error"
	Roster         Name = "roster" // over NATS only
	Rooms          Name = "rooms"  // over NATS only
	// Fenced, over NATS only: a later turn of the session is in the room. The connection that asked is closed with [CloseResumed].
	Fenced  Name = "fenced"
	Revoked Name = "revoked" // over NATS only: the tokens that count no more
	// PushIt, over NATS only: the target's session is resumable, so the sender's gateway has to keep the signal and push it. The
	// header [HeaderMembers] says where the target is.
	PushIt Name = "push-it"
)

// Reason says why a room was closed, or why a client is in it no longer that did not ask to leave.
type Reason string

// Why a room was closed, and what its members are told.
const (
	OwnerLeft Reason = "owner-left"
	OwnerLost Reason = "owner-lost"
	// ClosedForAll: the owner has ended the room with room-close.
	ClosedForAll Reason = "closed"
)

// Why a member left, on client-left; and on room-closed where who left was not the owner.
const (
	MemberLeft Reason = "left" // it asked to
	MemberLost Reason = "lost" // its connection ended, and it did not come back
)

// Why a member was removed: by its owner or a moderator, or, forbidden, because its new token allows it no more. They stand on
// client-left and on the room-left of who was removed.
const (
	Kicked    Reason = "kicked"
	Banned    Reason = "banned"
	Forbidden Reason = "forbidden"
)

// Removed is told to a client that was removed alone, or of whose room the gateway has missed why it was closed.
const Removed Reason = "removed"

// ErrEvent is wrapped by what [DecodeEvent] returns.
var ErrEvent = errors.New("bad event")

// Event is any answer or push, as sockets and NATS carry them. Which fields stand in the JSON depends on the name, not
// on whether they are empty: see [AppendEvent].
type Event struct {
	Name Name     `json:"event"`
	Room Room     `json:"room"`
	ID   ClientID `json:"id"` // connected, client-joined, -left, -away, -back, -knocked, member-updated; room-closed: who left, if not the owner
	// OwnerID: room-created and room-closed as room events, room-joined, resumed, roster, room-roster, room-updated. client-left, where
	// the owner has left: the new one, which may be nobody. client-joined, where who joined has become the owner.
	OwnerID  ClientID       `json:"ownerId"`
	Clients  []ClientID     `json:"clients"`  // room-joined: the others; roster: all, in join order; repeated room-created
	Packed   jsontext.Value `json:"-"`        // Clients as JSON, where [DecodeAnswer] has left them so
	Kicked   bool           `json:"kicked"`   // room-left
	TargetID ClientID       `json:"targetId"` // target-not-found, signal-sent, signal-held, push-it, client-kicked, -banned, -admitted, -refused
	SenderID ClientID       `json:"senderId"` // signal-receive, error
	Data     jsontext.Value `json:"data"`     // signal-receive
	N        int64          `json:"n"`        // signal-receive between services, and to resumable clients: the signal's number
	Away     []ClientID     `json:"away"`     // room-joined, resumed: those of clients who are known to be away
	// Fresh and FreshBack are both "fresh" in the JSON. resumed: those of clients who joined, or came back fresh, after the seq that the
	// client named. client-back: it has no peer connections any more.
	Fresh     []ClientID `json:"-"`
	FreshBack bool       `json:"-"`
	// Lost, in live: from whom signals may be missing, and for each the number that the client takes as heard from then on.
	Lost    map[ClientID]int64 `json:"lost"`
	Keep    *int               `json:"keep"`    // connected, of a session with a key: seconds
	Message string             `json:"message"` // error; room-left with kicked true, where who removed the client said something
	Code    Code               `json:"code"`    // error
	Seq     uint64             `json:"seq"`
	Prev    uint64             `json:"prev"`
	Reason  Reason             `json:"reason"` // room-closed; room-left with kicked true; client-left; not-in-room, where it is known
	// Policy: room-joined, resumed, roster, room-roster, room-updated: where it is not close. Repeated room-created: where it is another by
	// now than was asked for.
	Policy  Policy     `json:"onOwnerGone"`
	Version int        `json:"version"`
	Limits  *Limits    `json:"limits"` // connected
	List    []RoomInfo `json:"rooms"`  // rooms
	Next    Room       `json:"next"`   // rooms: the name to go on after, empty at the end
	Ref     string     `json:"ref"`
	// More is nil where nothing of it stands.
	More *More `json:",embed"`
}

// More is what an event says of names and moderation.
type More struct {
	// Of one member: client-joined, client-back, client-knocked, member-updated. Meta is also the room's, where what stands about it is
	// told: room-joined, resumed, roster, room-roster, room-updated.
	User   string         `json:"user"`
	Claims jsontext.Value `json:"claims"`
	Meta   jsontext.Value `json:"meta"`
	Mod    bool           `json:"mod"`
	// What stands about the room.
	Locked     bool `json:"locked"`
	Password   bool `json:"password"` // there is one
	MaxMembers int  `json:"maxMembers"`
	Knock      bool `json:"knock"`

	Members []MemberInfo `json:"members"` // room-joined, resumed: those of clients of whom there is something to say; roster: of all; room-roster: all
	By      ClientID     `json:"by"`      // room-updated: who has changed it, where it was a client
	Sub     string       `json:"sub"`     // client-banned, client-unbanned
	Seconds int64        `json:"seconds"` // client-banned, token-expiring
	Bans    []BanInfo    `json:"bans"`    // room-roster
	Knocks  []MemberInfo `json:"knocks"`  // room-roster
	Gone    bool         `json:"gone"`    // client-knocked: it has gone, or was let in or refused
	Revoked []Revocation `json:"list"`    // revoked

	// ICEServers: connected, those that need no credentials, where there are any servers at all; ice: all. TTL, in ice: the seconds for which the
	// credentials count.
	ICEServers []ICEServer `json:"iceServers"`
	TTL        int64       `json:"ttl"`
}

// ICEServer is a STUN or TURN server, as an RTCConfiguration of browsers has it.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitzero"`
	Credential string   `json:"credential,omitzero"`
}

// BanInfo is a ban that is in force.
type BanInfo struct {
	Sub     string `json:"sub"`
	Seconds int64  `json:"seconds"` // for how long it will be
}

// Shows returns what others see of a member, for an event about it; nil where that is nothing.
func (w *Who) Shows() *More {
	if !w.Shown() {
		return nil
	}
	return &More{User: w.User, Claims: w.Claims, Meta: w.Meta, Mod: w.Mod}
}

// Limits are what a gateway allows one client, as connected tells it. 0 is no limit.
type Limits struct {
	Frame int `json:"frame"` // bytes of a frame
	Rooms int `json:"rooms"` // rooms that it may be in
	Rate  int `json:"rate"`  // requests a second
	Burst int `json:"burst"` // requests at once
}

// TellAbout adds to an event what members are told about a room.
func (e *Event) TellAbout(a *About) {
	if a == nil || !a.Locked && a.Password == "" && a.MaxMembers == 0 && !a.Knock && a.Meta == nil {
		return
	}
	if e.More == nil {
		e.More = new(More)
	}
	m := e.More
	m.Locked, m.Password, m.MaxMembers, m.Knock, m.Meta = a.Locked, a.Password != "", a.MaxMembers, a.Knock, a.Meta
}

// RoomInfo is a room in the answer to a list request.
type RoomInfo struct {
	Room    Room     `json:"room"`
	OwnerID ClientID `json:"ownerId"`
	Members int      `json:"members"`
	Seq     uint64   `json:"seq"`
}

// DecodeEvent reads an answer or a push. Data stays raw. The error wraps [ErrEvent].
func DecodeEvent(b []byte) (Event, error) {
	if e, ok := scanSignal(b); ok {
		return e, nil
	}
	var e struct {
		Event
		RawFresh jsontext.Value `json:"fresh"`
	}
	data, err := decodeWithData(b, &e)
	if err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if data != nil {
		e.Data = data
	}
	if e.Name == "" {
		return Event{}, fmt.Errorf("%w: it has no name", ErrEvent)
	}
	if err := e.readFresh(e.RawFresh); err != nil {
		return Event{}, fmt.Errorf("%w: fresh: %w", ErrEvent, err)
	}
	return e.Event, nil
}

// DecodeAnswer is [DecodeEvent], but leaves the clients of a room-joined or a roster packed, which may be thousands, where they
// have the layout of [AppendEvent]: most answers are only handed on. [Event.Unpack] reads them.
func DecodeAnswer(b []byte) (Event, error) {
	if e, ok := scanList(b); ok {
		return e, nil
	}
	return DecodeEvent(b)
}

// Unpack returns the event's clients, and reads them first where they are packed. What is no list of ids is none.
func (e *Event) Unpack() []ClientID {
	if e.Packed != nil {
		e.Clients = unpackClients(e.Packed)
		e.Packed = nil
	}
	return e.Clients
}

// Errorf returns an error event.
func Errorf(code Code, room Room, sender ClientID, format string, args ...any) Event {
	return Event{Name: Error, Room: room, SenderID: sender, Code: code, Message: fmt.Sprintf(format, args...)}
}

// readFresh reads "fresh", which is a boolean in one event and a list in another.
func (e *Event) readFresh(raw jsontext.Value) error {
	switch {
	case raw == nil:
		return nil
	case e.Name == ClientBack:
		return json.Unmarshal(raw, &e.FreshBack)
	case e.Name == Resumed:
		return json.Unmarshal(raw, &e.Fresh)
	}
	return nil
}
