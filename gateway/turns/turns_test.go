package turns_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/turns"
	"github.com/parley-rtc/parley/proto"
)

// client answers as a test says, and notes what was asked.
type client struct {
	in      map[proto.Room]proto.RequestID
	answers []rooms.Outcome // of the next asks; OK when there are none
	asked   []string
	most    int
	now     int64
}

func (c *client) Now() int64 { return c.now }

func (c *client) Request(num uint64) proto.RequestID { return proto.RequestID(fmt.Sprintf("r%d", num)) }

func (c *client) Joined(room proto.Room) (proto.RequestID, bool) {
	by, in := c.in[room]
	return by, in
}

func (c *client) Full() bool { return c.most > 0 && len(c.in) >= c.most }

// Ask takes a request that is answered for carried out.
func (c *client) Ask(a *turns.Ask) rooms.Outcome {
	s := fmt.Sprintf("%s %s %s", a.ID, a.Op, a.Room)
	if a.Op == proto.OpLeave || a.Op == proto.OpClose {
		s += " of " + string(a.Joined)
	}
	for _, mark := range []struct {
		on   bool
		word string
	}{{a.Silent, " silent"}, {a.Lost, " lost"}} {
		if mark.on {
			s += mark.word
		}
	}
	c.asked = append(c.asked, s)
	outcome := rooms.OK
	if len(c.answers) > 0 {
		outcome, c.answers = c.answers[0], c.answers[1:]
	}
	if outcome == rooms.OK {
		if a.Op == proto.OpLeave || a.Op == proto.OpClose {
			delete(c.in, a.Room)
		} else {
			c.in[a.Room] = a.ID
		}
	}
	return outcome
}

func (c *client) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.asked, want) {
		t.Errorf("asked\n  %s\nexpected\n  %s", strings.Join(c.asked, "\n  "), strings.Join(want, "\n  "))
	}
	c.asked = nil
}

func begin(answers ...rooms.Outcome) (*client, *turns.Turns) {
	return &client{in: make(map[proto.Room]proto.RequestID), answers: answers}, &turns.Turns{}
}

const lobby = "lobby"

func TestTheSameRequestAfterUnavailableBearsTheSameParleyRequest(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	c.expect(t, "r1 join lobby", "r1 join lobby")
	x.Change(c, proto.OpJoin, lobby, "", 0)
	c.expect(t, "r3 join lobby")
}

func TestBeforeAnotherRequestWhatWasUnavailableIsLeftAndNeverAskedAgain(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	x.Change(c, proto.OpCreate, "hall", "", 0) // another room does not wait
	x.Change(c, proto.OpCreate, lobby, "", 0)
	c.expect(t, "r1 join lobby", "r2 create hall", "r3 leave lobby of r1 silent", "r4 create lobby")
}

func TestARequestWhoseDoubtCannotBeSettledIsUnavailable(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable, rooms.Unavailable)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	if v := x.Change(c, proto.OpCreate, lobby, "", 0); v != turns.Unavailable {
		t.Errorf("%v", v)
	}
	// The leave may still be carried out: what it ends is not asked for again, also when the first request is.
	x.Change(c, proto.OpJoin, lobby, "", 0)
	c.expect(t, "r1 join lobby", "r2 leave lobby of r1 silent", "r2 leave lobby of r1 silent", "r4 join lobby")
}

func TestTheClientsOwnLeaveUndoesWhatIsInDoubt(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable, rooms.Declined)
	x.Change(c, proto.OpCreate, lobby, "", 0)
	x.Change(c, proto.OpLeave, lobby, "", 0)
	c.expect(t, "r1 create lobby", "r2 leave lobby of r1")
	// An attempt of the first that is late makes a member, which an event tells.
	x.LeaveDoubted(c, lobby, 0)
	c.expect(t, "r3 leave lobby of r1 silent lost")
}

func TestALeaveAfterUnavailableIsAskedAgainTheSame(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.OK, rooms.Unavailable)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	x.Change(c, proto.OpLeave, lobby, "", 0)
	x.Change(c, proto.OpLeave, lobby, "", 0)
	c.expect(t, "r1 join lobby", "r2 leave lobby of r1", "r2 leave lobby of r1")
}

func TestWhatACheckHasToldOfIsNotInDoubtAnyMore(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	c.in[lobby] = "r1" // it was carried out
	x.Change(c, proto.OpCreate, lobby, "", 0)
	c.expect(t, "r1 join lobby", "r2 create lobby")
}

func TestTheLeaveOfOneWhoIsInNoRoomNamesItsOwnRequest(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Declined)
	x.Change(c, proto.OpLeave, lobby, "", 0)
	c.expect(t, "r1 leave lobby of r1")
}

func TestAClientMayBeInSoManyRooms(t *testing.T) {
	t.Parallel()
	c, x := begin()
	c.most = 1
	x.Change(c, proto.OpJoin, lobby, "", 0)
	if v := x.Change(c, proto.OpJoin, "hall", "", 0); v != turns.TooMany {
		t.Errorf("%v", v)
	}
	if v := x.Change(c, proto.OpJoin, lobby, "", 0); v != turns.Asked { // again where it is
		t.Errorf("%v", v)
	}
}

func TestAGhostIsLeftUnlessItIsInThereRightly(t *testing.T) {
	t.Parallel()
	c, x := begin()
	x.Change(c, proto.OpJoin, lobby, "", 0)
	x.LeaveGhost(c, lobby, "r1", 0)
	x.LeaveDoubted(c, lobby, 0)
	x.LeaveGhost(c, lobby, "other", 0)
	c.expect(t, "r1 join lobby", "r2 leave lobby of other silent lost")
}

func TestAtTheEndEverythingIsLeftInDoubtOrNot(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.OK, rooms.Unavailable)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	x.Change(c, proto.OpJoin, "hall", "", 0)
	c.asked = nil
	if x.Depart(c, map[proto.Room]proto.RequestID{lobby: "r1"}, 0) {
		t.Error("everything is settled, though an attempt may still come")
	}
	c.expect(t, "r3 leave lobby of r1 silent lost", "r4 leave hall of r2 silent lost")

	c, x = begin(rooms.OK, rooms.Unavailable)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	if x.Depart(c, map[proto.Room]proto.RequestID{"hall": "x", lobby: "r1"}, 0) {
		t.Error("everything is settled, though a leave was not answered")
	}
	c.expect(t, "r1 join lobby", "r2 leave hall of x silent lost") // the rest is checks' to mend

	c, x = begin()
	x.Change(c, proto.OpJoin, lobby, "", 0)
	if !x.Depart(c, map[proto.Room]proto.RequestID{lobby: "r1"}, 0) {
		t.Error("nothing is in doubt")
	}
}

// What was left long ago is forgotten: no attempt can be on its way any more.
func TestWhatWasUndoneIsForgottenAfterAMinute(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable, rooms.Declined, rooms.Unavailable, rooms.Declined)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	x.Change(c, proto.OpLeave, lobby, "", 0)
	c.now += 61_000_000_000
	x.Change(c, proto.OpJoin, "hall", "", 0)
	x.Change(c, proto.OpLeave, "hall", "", 0)
	c.asked = nil
	x.LeaveDoubted(c, lobby, 0)
	c.expect(t)
}
