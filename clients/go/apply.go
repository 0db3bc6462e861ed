package parley

import (
	"encoding/json"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// What the server tells of a room. The client's lock is held.

func (r *Room) joined(e *proto.Event) {
	id := string(e.ID)
	r.reach(e.Seq)
	if id == r.self || slices.Contains(r.members, id) {
		return
	}
	r.members = append(r.members, id)
	if e.Seq > 0 {
		r.returns[id] = e.Seq
		r.infos[id] = infoOf(e)
	}
	r.emit(Event{Kind: Join, ID: id, Info: r.infos[id]})
	if e.OwnerID != "" {
		r.own(string(e.OwnerID))
	}
}

func (r *Room) left(e *proto.Event) {
	r.reach(e.Seq)
	id := string(e.ID)
	wasOwner := id == r.owner
	if !r.remove(id) {
		return
	}
	// Of an owner the server says who follows; where it does not, nobody does.
	if e.OwnerID != "" || wasOwner {
		r.own(string(e.OwnerID))
	}
}

func (r *Room) remove(id string) bool {
	at := slices.Index(r.members, id)
	if at < 0 {
		return false
	}
	r.members = slices.Delete(r.members, at, at+1)
	r.forgetMember(id)
	r.emit(Event{Kind: Leave, ID: id})
	return true
}

func (r *Room) forgetMember(id string) {
	delete(r.absent, id)
	delete(r.returns, id)
	delete(r.heard, id)
	delete(r.infos, id)
}

func (r *Room) memberAway(id string, seq uint64) {
	stale := seq < r.returns[id] // it has come back since
	if stale || !slices.Contains(r.members, id) || r.absent[id] {
		return
	}
	r.absent[id] = true
	r.emit(Event{Kind: MemberAway, ID: id})
}

func (r *Room) memberBack(e *proto.Event) {
	id := string(e.ID)
	r.reach(e.Seq)
	if !slices.Contains(r.members, id) {
		return
	}
	r.infos[id] = infoOf(e)
	if e.Seq <= r.returns[id] {
		return
	}
	r.returns[id] = e.Seq
	delete(r.absent, id)
	r.emit(Event{Kind: MemberBack, ID: id, Fresh: e.FreshBack, Info: r.infos[id]})
}

func (r *Room) memberUpdated(e *proto.Event) {
	id := string(e.ID)
	r.reach(e.Seq)
	if id != r.self && !slices.Contains(r.members, id) {
		return
	}
	r.infos[id] = infoOf(e)
	r.emit(Event{Kind: MemberUpdate, ID: id, Info: r.infos[id]})
}

func (r *Room) updated(e *proto.Event) {
	r.reach(e.Seq)
	r.about = aboutOf(e)
	by := ""
	if e.More != nil {
		by = string(e.More.By)
	}
	r.emit(Event{Kind: Update, ID: by, About: r.about})
	r.own(string(e.OwnerID))
}

func (r *Room) knocked(e *proto.Event) {
	id := string(e.ID)
	_, known := r.knocking[id]
	switch {
	case e.More != nil && e.More.Gone && known:
		delete(r.knocking, id)
		r.emit(Event{Kind: KnockEnd, ID: id})
	case e.More != nil && e.More.Gone, known:
	default:
		r.knocking[id] = infoOf(e)
		r.emit(Event{Kind: Knock, ID: id, Info: r.knocking[id]})
	}
}

func (r *Room) received(e *proto.Event) {
	id := string(e.SenderID)
	if e.N > 0 {
		if e.N <= r.heard[id] {
			return
		}
		r.heard[id] = e.N
	}
	r.emit(Event{Kind: Signal, ID: id, Data: json.RawMessage(slices.Clone(e.Data))})
}

// level takes the members as a repeated room-joined lists them.
func (r *Room) level(e *proto.Event) {
	now := texts(e.Clients)
	r.reach(e.Seq)
	r.describe(e)
	for _, id := range slices.Clone(r.members) {
		if !slices.Contains(now, id) {
			r.remove(id)
		}
	}
	for _, id := range now {
		r.joined(&proto.Event{ID: proto.ClientID(id)})
	}
	for _, id := range e.Away {
		r.memberAway(string(id), e.Seq)
	}
	if e.Name == proto.RoomJoined {
		r.own(string(e.OwnerID))
	}
}

// suspend notes that the connection is lost, and that the session comes back to this room.
func (r *Room) suspend() {
	if r.away || r.ended != nil {
		return
	}
	r.away, r.caughtUp = true, false
	r.emit(Event{Kind: Away, Reason: "lost"})
}

// resumed takes the members as the server lists them to a session that is back, and tells the difference.
func (r *Room) resumed(e *proto.Event) {
	returned := r.away
	r.away = false
	before, absent := r.members, r.absent
	now, fresh := texts(e.Clients), texts(e.Fresh)
	r.reach(e.Seq)
	r.describe(e)
	r.members, r.absent = now, map[string]bool{}
	for _, id := range e.Away {
		r.absent[string(id)] = true
	}
	for _, id := range before {
		if !slices.Contains(now, id) {
			r.forgetMember(id)
			r.emit(Event{Kind: Leave, ID: id})
		}
	}
	for _, id := range now {
		was, isFresh, isAway := slices.Contains(before, id), slices.Contains(fresh, id), r.absent[id]
		switch {
		case !was:
			r.emit(Event{Kind: Join, ID: id, Info: r.infos[id]})
		case isFresh:
			r.emit(Event{Kind: MemberBack, ID: id, Fresh: true, Info: r.infos[id]})
		case absent[id] && !isAway:
			r.emit(Event{Kind: MemberBack, ID: id, Info: r.infos[id]})
		}
		if isAway && (!absent[id] || !was || isFresh) {
			r.emit(Event{Kind: MemberAway, ID: id})
		}
	}
	r.own(string(e.OwnerID))
	if returned {
		r.emit(Event{Kind: Back})
	}
}

// live notes that all has come that was kept.
func (r *Room) live(lost map[proto.ClientID]int64) {
	names := []string{}
	for id, n := range lost {
		r.heard[string(id)] = max(n, r.heard[string(id)])
		if slices.Contains(r.members, string(id)) {
			names = append(names, string(id))
		}
	}
	slices.Sort(names)
	r.caughtUp = true
	r.emit(Event{Kind: Live, Lost: names})
}

// putOut notes that this client is not in the room, and comes back: its members are gone for now.
func (r *Room) putOut(reason string) {
	r.away = true
	for _, id := range slices.Clone(r.members) {
		r.remove(id)
	}
	r.emit(Event{Kind: Away, Reason: reason})
}

// back notes that this client is in the room again.
func (r *Room) back(e *proto.Event) {
	r.away = false
	r.begin(e)
	for _, id := range e.Clients {
		r.joined(&proto.Event{ID: id})
	}
	for _, id := range e.Away {
		r.memberAway(string(id), 0)
	}
	r.emit(Event{Kind: Back})
}

func (r *Room) finish(end End) {
	if r.ended == nil {
		r.ended, r.away = &end, false
		r.wakeUp()
	}
}

func (r *Room) reach(seq uint64) { r.seq = max(r.seq, seq) }

func (r *Room) own(id string) {
	if id != r.owner {
		r.owner = id
		r.emit(Event{Kind: Owner, ID: id})
	}
}
