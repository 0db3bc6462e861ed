package parley

import (
	"context"
	"encoding/json"
)

// Kind is what an [Event] is.
type Kind string

// The kinds, and what an event of it carries.
const (
	Join         Kind = "join"          // another client joined: ID
	Leave        Kind = "leave"         // another member left, was removed, or was away for too long: ID
	MemberAway   Kind = "member-away"   // a member has lost its connection, and may come back: ID. A hint, which may be missing
	MemberBack   Kind = "member-back"   // it is back: ID; Fresh: it has no peer connections any more
	MemberUpdate Kind = "member-update" // a member says something else of itself: ID, Info
	Owner        Kind = "owner"         // the room has another owner: ID, empty where there is none
	Update       Kind = "update"        // something else stands about the room: About; ID: who has changed it
	Knock        Kind = "knock"         // to owner and moderators: somebody wants to come in: ID, Info
	KnockEnd     Kind = "knock-end"     // it does not any more: ID
	Signal       Kind = "signal"        // ID: who sent it, Data
	Away         Kind = "away"          // this client's own stay is interrupted: Reason
	Back         Kind = "back"          // and goes on
	Live         Kind = "live"          // after Back, when all has come that was kept: Lost names from whom signals may be missing
)

// Event is something that happened in a room.
type Event struct {
	Kind   Kind
	ID     string // of the member
	Fresh  bool
	Data   json.RawMessage // JSON, as it was sent
	Info   Info
	About  About
	Reason string // lost: the connection; else why the room was closed, such as owner-left
	Lost   []string
}

// How is how a stay in a room ended.
type How string

// The ways.
const (
	Left   How = "left"   // this client left
	Out    How = "closed" // the room was closed, or this client removed
	Lost   How = "lost"   // the connection was lost, and the session with it
	Moved  How = "moved"  // the session goes on elsewhere
	Slow   How = "slow"   // the app took none of its events, of which [MaxEvents] waited
	Denied How = "denied" // a room that was entered could not be entered again
)

// End is how a stay in a room ended, and why. It is an error, which [Room.Next] returns.
type End struct {
	How     How
	Reason  string // the server's: owner-left, owner-lost, closed, removed, kicked, banned, forbidden; or a code
	Message string // a word of who removed this client
}

func (e *End) Error() string {
	text := "parley: this client is in the room no longer: " + string(e.How)
	if e.Reason != "" {
		text += ", " + e.Reason
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Next returns the next event of the room, and waits for it. After the last one it returns the [*End]; when ctx ends, ctx's error. Each
// event goes to one caller.
func (r *Room) Next(ctx context.Context) (Event, error) {
	c := r.client
	for {
		c.mu.Lock()
		if len(r.events) > 0 {
			e := r.events[0]
			r.events[0] = Event{}
			if r.events = r.events[1:]; len(r.events) == 0 {
				r.events = nil
			} else {
				r.wakeUp()
			}
			c.mu.Unlock()
			return e, nil
		}
		end := r.ended
		c.mu.Unlock()
		if end != nil {
			r.wakeUp() // for others who wait
			return Event{}, end
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// emit adds an event. The lock is held.
func (r *Room) emit(e Event) {
	if r.ended != nil {
		return
	}
	if len(r.events) >= MaxEvents {
		r.client.tooSlow(r)
		return
	}
	r.events = append(r.events, e)
	r.wakeUp()
}

func (r *Room) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
