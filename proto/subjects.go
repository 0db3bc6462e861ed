package proto

import (
	"errors"
	"fmt"
	"strings"
)

// DefaultPrefix starts every subject unless another is set.
const DefaultPrefix = "parley"

// ErrPrefix is returned, wrapped, for a prefix that cannot start a subject.
var ErrPrefix = errors.New("bad subject prefix")

// Op is a request's operation, the last token of the subject that it is sent to.
type Op string

// The operations of the room service.
const (
	OpCreate Op = "create"
	OpJoin   Op = "join"
	OpLeave  Op = "leave"
	OpSignal Op = "signal"
	OpEnter  Op = "enter"
	OpResume Op = "resume"
	OpClose  Op = "close"
	OpRoster Op = "roster"
	OpList   Op = "list"

	OpMember   Op = "member"   // member-update, and what a new token says of a member
	OpKick     Op = "kick"     // room-kick
	OpBan      Op = "ban"      // room-ban
	OpUnban    Op = "unban"    // room-unban
	OpUpdate   Op = "update"   // room-update
	OpTransfer Op = "transfer" // room-transfer
	OpKnock    Op = "knock"    // room-knock, and its repetitions
	OpAdmit    Op = "admit"    // room-admit
	OpRefuse   Op = "refuse"   // room-refuse
	OpAbout    Op = "about"    // room-roster: what moderators see
	OpRevoked  Op = "revoked"  // the tokens that count no more
	OpRevoke   Op = "revoke"   // only over parley.admin: tokens of a user count no more
)

// OpDisconnect, only over parley.admin, is what gateways answer themselves: a user's connections end.
const OpDisconnect Op = "disconnect"

// Ops lists every operation that any service may ask for.
func Ops() []Op {
	return []Op{
		OpCreate, OpJoin, OpEnter, OpResume, OpLeave, OpClose, OpSignal, OpRoster, OpList,
		OpMember, OpKick, OpBan, OpUnban, OpUpdate, OpTransfer, OpKnock, OpAdmit, OpRefuse, OpAbout, OpRevoked,
	}
}

// AdminOps lists what an operator asks the room service for over parley.admin.
func AdminOps() []Op {
	return []Op{OpKick, OpBan, OpUnban, OpUpdate, OpTransfer, OpClose, OpAbout, OpRevoke}
}

// Changes reports whether the operation may change its room.
func (op Op) Changes() bool {
	switch op {
	case OpCreate, OpJoin, OpEnter, OpResume, OpLeave, OpClose,
		OpMember, OpKick, OpBan, OpUnban, OpUpdate, OpTransfer, OpAdmit, OpRefuse, OpKnock, OpRevoke:
		return true
	case OpSignal, OpRoster, OpList, OpAbout, OpRevoked, OpDisconnect:
	}
	return false
}

// Moderates reports whether the operation is for owners, moderators and operators.
func (op Op) Moderates() bool {
	switch op {
	case OpKick, OpBan, OpUnban, OpUpdate, OpTransfer, OpClose, OpAdmit, OpRefuse, OpAbout:
		return true
	default:
		return false
	}
}

// Role is what a process is, in its beat.
type Role string

// The roles of processes that beat.
const (
	RoleGateway Role = "gateway"
	RoleRoomsvc Role = "roomsvc"
)

// Subjects makes and reads every subject of one deployment. Nothing else formats or splits one. The zero value is not
// usable: see [NewSubjects].
type Subjects struct {
	prefix string
	stream string
}

// NewSubjects returns the subjects under a prefix: 1 to 32 characters of A-Za-z0-9_-, or [DefaultPrefix] when it is
// empty. The error wraps [ErrPrefix].
func NewSubjects(prefix string) (Subjects, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if len(prefix) > 32 || !plain(prefix) {
		return Subjects{}, fmt.Errorf("%w: %q: 1 to 32 characters of A-Za-z0-9_- are allowed", ErrPrefix, prefix)
	}
	return Subjects{prefix: prefix, stream: strings.ToUpper(prefix)}, nil
}

// Prefix returns what every subject starts with.
func (s Subjects) Prefix() string { return s.prefix }

// Stream returns the journal's stream: the prefix in capitals.
func (s Subjects) Stream() string { return s.stream }

// Rooms returns where any service sends a request: parley.rooms.<op>.
func (s Subjects) Rooms(op Op) string { return s.prefix + ".rooms." + string(op) }

// Admin returns where an operator sends a request: parley.admin.<op>. Replicas take it, of [OpDisconnect] all gateways.
func (s Subjects) Admin(op Op) string { return s.prefix + ".admin." + string(op) }

// Replica returns where a gateway sends a request to one replica: parley.roomsvc.<replica id>.<op>.
func (s Subjects) Replica(id ReplicaID, op Op) string {
	return s.prefix + ".roomsvc." + string(id) + "." + string(op)
}

// ReplicaAll returns the wildcard that one replica subscribes to.
func (s Subjects) ReplicaAll(id ReplicaID) string { return s.prefix + ".roomsvc." + string(id) + ".*" }

// ReplicaOp returns the operation of a subject made by [Subjects.Replica] or [Subjects.Rooms].
func (s Subjects) ReplicaOp(subject string) Op {
	return Op(subject[strings.LastIndexByte(subject, '.')+1:])
}

// GatewayAll returns the one wildcard that a gateway subscribes to: parley.gateway.<gateway id>.>.
func (s Subjects) GatewayAll(id GatewayID) string { return s.gateway(id) + ".>" }

// Reply returns the reply subject of one attempt of one request of a gateway.
func (s Subjects) Reply(id GatewayID, token string) string { return s.gateway(id) + ".reply." + token }

// GatewayRoom returns where a gateway hears of a room in which it has members.
func (s Subjects) GatewayRoom(id GatewayID, room Token) string {
	return s.gateway(id) + ".room." + string(room)
}

// GatewayClient returns where a gateway hears what is meant for one client.
func (s Subjects) GatewayClient(id GatewayID, client ClientID) string {
	return s.gateway(id) + ".client." + string(client)
}

// GatewayCheck returns where a gateway hears what replicas believe of its members.
func (s Subjects) GatewayCheck(id GatewayID) string { return s.gateway(id) + ".check" }

// GatewayEngine returns where a gateway hears from other gateways about its Socket.IO sessions.
func (s Subjects) GatewayEngine(id GatewayID) string { return s.gateway(id) + ".engine" }

// GatewayPush returns where a gateway hears signals for its resumable clients, from the gateways of their senders.
func (s Subjects) GatewayPush(id GatewayID) string { return s.gateway(id) + ".push" }

// GatewayPeer returns where a gateway hears what other gateways say of sessions.
func (s Subjects) GatewayPeer(id GatewayID) string { return s.gateway(id) + ".peer" }

// GatewayAway returns where a gateway is asked which members of a room are away.
func (s Subjects) GatewayAway(id GatewayID) string { return s.gateway(id) + ".away" }

func (s Subjects) gateway(id GatewayID) string { return s.prefix + ".gateway." + string(id) }

// GatewayKind is what a message on a gateway's subscription is.
type GatewayKind int

// What stands behind parley.gateway.<id>.
const (
	KindUnknown GatewayKind = iota
	KindReply               // the answer to an attempt; the rest is its token
	KindRoom                // a room event; the rest is the room's token
	KindClient              // for one client; the rest is its id
	KindCheck               // a check; no rest
	KindEngine              // another gateway about a Socket.IO session; no rest
	KindPush                // another gateway's signals for a resumable client; no rest
	KindPeer                // another gateway about sessions; no rest
	KindAway                // somebody asks who is away; no rest
)

// ParseGateway reads a subject that came over the subscription of [Subjects.GatewayAll] for that gateway.
func (s Subjects) ParseGateway(id GatewayID, subject string) (GatewayKind, string) {
	const mid = ".gateway."
	n := len(s.prefix) + len(mid) + len(id)
	if len(subject) <= n+1 || subject[n] != '.' {
		return KindUnknown, ""
	}
	kind, rest, found := strings.Cut(subject[n+1:], ".")
	switch {
	case kind == "reply" && found:
		return KindReply, rest
	case kind == "room" && found:
		return KindRoom, rest
	case kind == "client" && found:
		return KindClient, rest
	case kind == "check" && !found:
		return KindCheck, ""
	case kind == "engine" && !found:
		return KindEngine, ""
	case kind == "push" && !found:
		return KindPush, ""
	case kind == "peer" && !found:
		return KindPeer, ""
	case kind == "away" && !found:
		return KindAway, ""
	}
	return KindUnknown, ""
}

// ReplyAllowed reports whether a replica may answer to a reply subject: parley.gateway.<id>.reply.<token>, or anything
// below _INBOX. NATS does not hold a reply subject against its sender's permissions, and a replica must not be talked
// into publishing elsewhere.
func (s Subjects) ReplyAllowed(subject string) bool {
	if rest, ok := strings.CutPrefix(subject, "_INBOX."); ok {
		return literal(rest)
	}
	rest, ok := strings.CutPrefix(subject, s.prefix)
	if !ok {
		return false
	}
	if rest, ok = strings.CutPrefix(rest, ".gateway."); !ok {
		return false
	}
	id, rest, ok := strings.Cut(rest, ".")
	if !ok || id == "" || !plain(id) {
		return false
	}
	rest, ok = strings.CutPrefix(rest, "reply.")
	return ok && rest != "" && plain(rest)
}

// literal reports whether a subject's rest has no empty tokens, wildcards or blanks.
func literal(s string) bool {
	last := byte('.')
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == '*' || c == '>' || c == 0x7f || c == '.' && last == '.' {
			return false
		}
		last = c
	}
	return last != '.'
}

// Beat returns where a process says each second that it is here.
func (s Subjects) Beat(role Role, id string) string {
	return s.prefix + ".beat." + string(role) + "." + id
}

// BeatAll returns the wildcard over the beats of a role.
func (s Subjects) BeatAll(role Role) string { return s.prefix + ".beat." + string(role) + ".*" }

// Alive returns where a process answers whether it lives.
func (s Subjects) Alive(id string) string { return s.prefix + ".alive." + id }

// Journal returns where a room's records are appended. Only the stream listens there.
func (s Subjects) Journal(room Token) string { return s.prefix + ".journal." + string(room) }

// JournalAll returns the wildcard over all records.
func (s Subjects) JournalAll() string { return s.prefix + ".journal.*" }

// JournalRoom returns the room token of a record's subject.
func (s Subjects) JournalRoom(subject string) Token {
	return Token(strings.TrimPrefix(subject, s.prefix+".journal."))
}

// RoomEvent returns where other services hear of a room.
func (s Subjects) RoomEvent(room Token) string { return s.prefix + ".room." + string(room) + ".event" }

// RoomEventAll returns the wildcard over all rooms' events.
func (s Subjects) RoomEventAll() string { return s.prefix + ".room.*.event" }
