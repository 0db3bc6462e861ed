package e2e_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// brief connects a session that is kept for a second.
func brief(t *testing.T, url string, key *[proto.KeySize]byte, turn int64) *client {
	t.Helper()
	keep := 1
	c := testkit.DialWith(t, url, &testkit.Options{Key: key, Turn: turn, Keep: &keep})
	if got := c.Keep(); got == nil || *got != keep {
		t.Fatalf("kept for %v", got)
	}
	return c
}

// TestAtTheEndOfKeepAMemberIsEitherBackOrGone has many come back just about when their time is up.
func TestAtTheEndOfKeepAMemberIsEitherBackOrGone(t *testing.T) {
	t.Parallel()
	s := twoGateways(t)
	truth := s.truth(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	type one struct {
		key   *[proto.KeySize]byte
		room  proto.Room
		owner *client
		heard testkit.Heard
		id    proto.ClientID
		after time.Duration
	}
	all := make([]one, sized(t, sessionPairs, 40))
	for i := range all {
		o := &all[i]
		o.key, o.room, o.owner = testkit.NewKey(), fresh(t), keyed(t, s.url(), testkit.NewKey(), 1)
		c := brief(t, s.url(), o.key, 1)
		fill(t, o.room, o.owner, c)
		o.heard, o.id = c.Heard(o.room), c.ID()
		o.after = 900*time.Millisecond + time.Duration(random.IntN(250))*time.Millisecond
		c.Abort()
		c = brief(t, s.url(), o.key, 2) // connected in time, and resumes about when time is up
		pause(t, o.after)
		e := c.Resume(t, o.room, o.heard)
		members := ids(o.owner, c)
		if e.Name != proto.Resumed {
			want(t, e, proto.NotInRoom)
			if e.Reason != proto.MemberLost {
				t.Errorf("not in the room, reason %q", e.Reason)
			}
			members = members[:1]
		}
		if err := truth.Compare(t.Context(), o.room, members); err != nil {
			t.Error(err)
		}
	}
	pause(t, 3*time.Second) // whatever would be told twice
	back, gone := 0, 0
	for _, o := range all {
		o.owner.Do(t, proto.Frame{Name: proto.Ping})
		backs, lefts := 0, 0
		for _, r := range o.owner.All() {
			switch r.Name {
			case proto.ClientBack:
				backs++
			case proto.ClientLeft:
				lefts++
				if r.ID != o.id || r.Reason != proto.MemberLost {
					t.Errorf("heard %s", r.Raw)
				}
			}
		}
		if backs+lefts != 1 {
			t.Errorf("resumed after %v: told %d times that it is back, and %d times that it has left", o.after, backs, lefts)
		}
		back += backs
		gone += lefts
	}
	t.Logf("%d are back, %d are gone", back, gone)
}

func TestAnOwnerThatDoesNotComeBackLeavesItsRoomAsThePolicyHasIt(t *testing.T) {
	t.Parallel()
	s := twoGateways(t)
	for _, policy := range []proto.Policy{"", proto.PolicyClose, proto.PolicyTransfer, proto.PolicyStay} {
		for _, lost := range []bool{true, false} {
			t.Run(string(policy)+map[bool]string{true: " lost", false: " left"}[lost], func(t *testing.T) {
				t.Parallel()
				ownerGone(t, s, policy, lost)
			})
		}
	}
}

func ownerGone(t *testing.T, s *site, policy proto.Policy, lost bool) {
	t.Helper()
	room, key := proto.Room("policy-"+string(policy)+map[bool]string{true: "-lost", false: "-left"}[lost]), testkit.NewKey()
	owner := brief(t, s.urls[0], key, 1)
	want(t, owner.Do(t, proto.Frame{Name: proto.RoomCreate, Room: room, Policy: policy}), proto.RoomCreated)
	second, third := keyed(t, s.urls[1], testkit.NewKey(), 1), s.dial(t)
	for _, c := range []*client{second, third} {
		want(t, c.Join(t, room), proto.RoomJoined)
	}
	second.Expect(t, proto.ClientJoined)
	// In time, nothing changes.
	owner.Abort()
	owner = brief(t, s.urls[1], key, 2)
	e := owner.Resume(t, room, testkit.Heard{})
	want(t, e, proto.Resumed)
	if e.OwnerID != owner.ID() {
		t.Errorf("the owner is %s", e.OwnerID)
	}
	for _, c := range []*client{second, third} {
		backOf(t, c)
	}
	closing, member := proto.OwnerLost, proto.MemberLost
	if lost {
		owner.Abort()
	} else {
		closing, member = proto.OwnerLeft, proto.MemberLeft
		want(t, owner.Leave(t, room), proto.RoomLeft)
	}
	for _, c := range []*client{second, third} {
		r := c.Expect(t, proto.RoomLeft, proto.ClientLeft, proto.ClientAway)
		if r.Name == proto.ClientAway { // a second is too short for that, but for a slow machine
			r = c.Expect(t, proto.RoomLeft, proto.ClientLeft)
		}
		switch policy {
		case "", proto.PolicyClose:
			if r.Name != proto.RoomLeft || !r.Kicked || r.Reason != closing {
				t.Errorf("heard %s", r.Raw)
			}
		case proto.PolicyTransfer:
			if r.Name != proto.ClientLeft || r.ID != owner.ID() || r.Reason != member || r.OwnerID != second.ID() {
				t.Errorf("heard %s", r.Raw)
			}
		case proto.PolicyStay:
			if r.Name != proto.ClientLeft || r.ID != owner.ID() || r.Reason != member || r.OwnerID != "" {
				t.Errorf("heard %s", r.Raw)
			}
		}
	}
	late := keyed(t, s.urls[0], key, 3)
	e = late.Resume(t, room, testkit.Heard{})
	want(t, e, proto.NotInRoom)
	if policy == "" && e.Reason != closing {
		t.Errorf("not in the room, reason %q", e.Reason)
	}
	for _, c := range []*client{second, third} {
		c.Quiet(t)
	}
	afterOwner(t, s, policy, room, second, third, late)
}

// afterOwner checks what is left of the room.
func afterOwner(t *testing.T, s *site, policy proto.Policy, room proto.Room, second, third, late *client) {
	t.Helper()
	e := late.Join(t, room)
	switch policy {
	case "", proto.PolicyClose:
		want(t, e, proto.RoomNotExists)
		return
	case proto.PolicyTransfer:
		if e.Name != proto.RoomJoined || e.OwnerID != second.ID() {
			t.Errorf("answered %s", proto.AppendEvent(nil, &e))
		}
	case proto.PolicyStay:
		if e.Name != proto.RoomJoined || e.OwnerID != "" {
			t.Errorf("answered %s", proto.AppendEvent(nil, &e))
		}
	}
	want(t, late.Leave(t, room), proto.RoomLeft)
	want(t, second.Leave(t, room), proto.RoomLeft)
	for _, name := range []proto.Name{proto.ClientJoined, proto.ClientLeft, proto.ClientLeft} {
		r := third.Expect(t, name)
		if r.ID == second.ID() && policy == proto.PolicyTransfer && r.OwnerID != third.ID() {
			t.Errorf("heard %s", r.Raw)
		}
	}
	want(t, third.Leave(t, room), proto.RoomLeft)
	if members, _, err := s.truth(t).Members(t.Context(), room); err != nil || members != nil {
		t.Errorf("the room has %v, %v", members, err)
	}
}

func TestHowAConnectionEndsSaysHowLongItsSessionIsKept(t *testing.T) {
	t.Parallel()
	s := twoGateways(t)
	for _, how := range []struct {
		name    string
		end     func(*client)
		at, not time.Duration // gone by, and not before
	}{
		{"1000", func(c *client) { c.Close() }, 3 * time.Second, 0},
		{"1001", func(c *client) { c.CloseWith(websocket.StatusGoingAway, "") }, 22 * time.Second, 14 * time.Second},
		{"4000", func(c *client) { c.CloseWith(4000, "") }, 38 * time.Second, 29 * time.Second},
		{"no word", func(c *client) { c.Abort() }, 38 * time.Second, 29 * time.Second},
	} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			room, owner := proto.Room("ends-with-"+how.name), keyed(t, s.urls[0], testkit.NewKey(), 1)
			c := keyed(t, s.urls[1], testkit.NewKey(), 1)
			fill(t, room, owner, c)
			ended := time.Now()
			how.end(c)
			if how.not > 0 {
				if r := owner.Expect(t, proto.ClientAway); r.ID != c.ID() || r.Seq == 0 {
					t.Errorf("heard %s", r.Raw)
				}
			}
			var left testkit.Received
			harness.AwaitFor(t, 45*time.Second, "it has left", func() bool {
				for _, r := range owner.All() {
					if r.Name == proto.ClientLeft {
						left = r
						return true
					}
				}
				return false
			})
			took := left.At.Sub(ended)
			t.Logf("it left after %v", took.Round(time.Millisecond))
			if left.ID != c.ID() || left.Reason != proto.MemberLost && how.not > 0 || took < how.not || took > how.at {
				t.Errorf("heard %s after %v", left.Raw, took)
			}
		})
	}
}

func TestKeepIsTheLesserOfWhatIsAskedForAndTheGateways(t *testing.T) {
	t.Parallel()
	s := onePlace(t, "--keep", "20")
	for asked, kept := range map[int]int{-1: 20, 0: 0, 5: 5, 20: 20, 300: 20} {
		opts := &testkit.Options{Key: testkit.NewKey(), Turn: 1, Keep: &asked}
		if asked < 0 {
			opts.Keep = nil
		}
		if got := testkit.DialWith(t, s.urls[0], opts).Keep(); got == nil || *got != kept {
			t.Errorf("asked for %d: kept for %v", asked, got)
		}
	}
	if got := s.dial(t).Keep(); got != nil {
		t.Errorf("a client without a key is kept for %d", *got)
	}
	none := onePlace(t, "--keep", "0")
	if got := keyed(t, none.urls[0], testkit.NewKey(), 1).Keep(); got == nil || *got != 0 {
		t.Errorf("kept for %v", got)
	}
}
