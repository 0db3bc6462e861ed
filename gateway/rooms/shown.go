package rooms

import (
	"hash/maphash"
	"math"
	"slices"
	"strconv"

	"github.com/parley-rtc/parley/proto"
)

// shown is what has been told of what stands about a room and of what its members bear: digests, since a gateway keeps neither. After
// a gap they say what has to be told again. The zero value is that of a room about which nothing stands.
type shown struct {
	about uint64
	of    map[proto.ClientID]uint64 // of those who bear something
}

// untold is the digest of what may have been told otherwise.
const untold = math.MaxUint64

// seed is that of all digests of this process.
var seed = maphash.MakeSeed()

// digestOf returns the digest of what others see of a member; 0: nothing.
func digestOf(m *proto.More) uint64 {
	if m == nil || m.User == "" && m.Claims == nil && m.Meta == nil && !m.Mod {
		return 0
	}
	return digest(m.User, string(m.Claims), string(m.Meta), flag(m.Mod))
}

// digestAbout returns the digest of what stands about a room; 0: nothing.
func digestAbout(m *proto.More, policy proto.Policy) uint64 {
	if policy == proto.PolicyClose {
		policy = ""
	}
	if m == nil {
		m = new(proto.More)
	}
	if policy == "" && !m.Locked && !m.Password && m.MaxMembers == 0 && !m.Knock && m.Meta == nil {
		return 0
	}
	return digest(string(policy), string(m.Meta), flag(m.Locked)+flag(m.Password)+flag(m.Knock)+strconv.Itoa(m.MaxMembers))
}

func flag(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

// digest is none of 0 and [untold].
func digest(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, part := range parts {
		_, _ = h.WriteString(part) // it has no error
		_ = h.WriteByte(0)         // nor has this
	}
	return max(1, h.Sum64()&^(1<<63))
}

// note takes an event into account that is told.
func (s *shown) note(e *proto.Event) {
	switch e.Name {
	case proto.RoomUpdated:
		s.about = digestAbout(e.More, e.Policy)
	case proto.ClientJoined, proto.ClientBack, proto.MemberUpdated:
		s.set(e.ID, digestOf(e.More))
	case proto.ClientLeft:
		delete(s.of, e.ID)
	default:
	}
}

// set notes what has been told of a member.
func (s *shown) set(id proto.ClientID, digest uint64) {
	if digest == 0 {
		delete(s.of, id)
		return
	}
	if s.of == nil {
		s.of = make(map[proto.ClientID]uint64)
	}
	s.of[id] = digest
}

// after returns what has been told once a room was told as a whole.
func (s *shown) after(to *whole) shown {
	next := shown{about: digestAbout(to.more, to.policy)}
	for id, info := range to.members() {
		next.set(id, digestOf(info))
	}
	if s.of[to.unsaid] != 0 {
		next.set(to.unsaid, untold) // it may have been told to bear nothing
	}
	return next
}

// names reports whether anything has been told of names or of what stands about the room, or is said by an answer.
func (r *room) names(said *proto.More) bool {
	return said != nil || r.shown.about != 0 || len(r.shown.of) > 0
}

// tellAgain has a roster say again what a client here has been told otherwise than the others.
func (r *room) tellAgain(self, owner proto.ClientID, had *shown) {
	differs := had.about != r.shown.about || owner != r.owner
	if differs {
		r.shown.about = untold
	}
	for id := range r.members.at {
		if id != self && had.of[id] != r.shown.of[id] {
			r.shown.set(id, untold)
			differs = true
		}
	}
	if differs {
		r.core.askRoster(r, Gap)
	}
}

// members returns what others see of the members who bear something.
func (to *whole) members() map[proto.ClientID]*proto.More {
	if to.infos != nil || to.more == nil || len(to.more.Members) == 0 {
		return to.infos
	}
	to.infos = make(map[proto.ClientID]*proto.More, len(to.more.Members))
	for i := range to.more.Members {
		m := &to.more.Members[i]
		to.infos[m.ID] = m.Shows()
	}
	return to.infos
}

// addInfo says what others see of a member.
func (to *whole) addInfo(id proto.ClientID, info *proto.More) {
	if info == nil {
		return
	}
	if to.members() == nil {
		to.infos = make(map[proto.ClientID]*proto.More, 1)
	}
	to.infos[id] = info
}

// unsay says that what others see of a member is not known.
func (to *whole) unsay(id proto.ClientID) {
	to.unsaid = id
	delete(to.members(), id)
}

// moreOf returns what an answer says, of those of its members who are still there.
func moreOf(m *proto.More, clients []proto.ClientID) *proto.More {
	if m == nil {
		return nil
	}
	still := *m
	still.Members = slices.DeleteFunc(slices.Clone(m.Members), func(one proto.MemberInfo) bool { return !slices.Contains(clients, one.ID) })
	return &still
}

// info returns what others see of a member, or nil.
func (to *whole) info(id proto.ClientID) *proto.More { return to.members()[id] }

// corrections returns what stands about a room, where it is not what was told, and what those bear of whom something else was told.
// These have no prev: they are what is so, and no changes. events are told before.
func (r *room) corrections(to *whole, events []proto.Event) []proto.Event {
	owner, told := r.owner, make(map[proto.ClientID]*proto.Event)
	for i := range events {
		e := &events[i]
		told[e.ID] = e
		owner = ownerAfter(owner, e)
	}
	var more []proto.Event
	if len(to.clients) > 0 && (owner != to.owner || r.shown.about != digestAbout(to.more, to.policy)) {
		more = append(more, *to.updated(r.name, to.owner))
	}
	for _, id := range to.clients {
		info, was := to.info(id), r.shown.of[id]
		if e := told[id]; e != nil {
			was = digestOf(e.More)
		}
		if id != to.unsaid && digestOf(info) != was {
			more = append(more, proto.Event{Name: proto.MemberUpdated, Room: r.name, ID: id, Seq: to.seq, More: info})
		}
	}
	return more
}

// updated is what a roster says of what stands about a room, as a word that is no change.
func (to *whole) updated(room proto.Room, owner proto.ClientID) *proto.Event {
	e := &proto.Event{Name: proto.RoomUpdated, Room: room, OwnerID: owner, Policy: to.policy, Seq: to.seq}
	if m := to.more; m != nil {
		e.More = &proto.More{Locked: m.Locked, Password: m.Password, MaxMembers: m.MaxMembers, Knock: m.Knock, Meta: m.Meta}
	}
	return e
}

// ownerAfter returns who owns a room after an event.
func ownerAfter(owner proto.ClientID, e *proto.Event) proto.ClientID {
	switch {
	case e.Name == proto.RoomUpdated, e.OwnerID != "", e.Name == proto.ClientLeft && e.ID == owner:
		return e.OwnerID
	default:
		return owner
	}
}
