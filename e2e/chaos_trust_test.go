package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/orders"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// moderated are rooms in which moderators remove members, ban users, lock and hand over, while these come and go, and processes end.
type moderated struct {
	c       *chaos
	rooms   []proto.Room
	members []*member // sessions, and clients without a key or token

	mu     sync.Mutex // guards the fields below
	subs   map[proto.ClientID]string
	lifted []*lifting
	said   []judgement
	count  map[proto.Name]int // answers

	unknown int // answers of whose time records are missing
}

// member is one that comes and goes: a session by a token, or one client after the other without.
type member struct {
	sub     string
	session *testkit.Session
}

// judgement is an answer by which somebody was removed.
type judgement struct {
	answer proto.Event
	target proto.ClientID
	asked  time.Time
	said   time.Time
}

// lifting is a request to lift a ban, or to ban anew, and when it may have been carried out.
type lifting struct {
	room     proto.Room
	sub      string
	from, to time.Time
}

// moderatedUsers have two sessions each.
var moderatedUsers = []string{"ann", "bob", "cat", "dan"}

func (c *chaos) startModerated(t *testing.T) *moderated {
	t.Helper()
	m := &moderated{
		c: c, rooms: []proto.Room{"moderated-1", "moderated-2"}, subs: map[proto.ClientID]string{},
		count: map[proto.Name]int{},
	}
	for i := range 2 * len(moderatedUsers) {
		sub := moderatedUsers[i/2]
		grants := harness.Grants{"moderated-*": {"create", "join"}}
		if sub == moderatedUsers[0] {
			grants["moderated-*"] = []string{"create", "join", "moderate"}
		}
		s := testkit.StartSession(t, c.asking(t), &testkit.SessionOptions{
			Options: testkit.Options{Token: c.token(t, sub, grants)}, First: i, Numbers: i%2 == 0,
		})
		m.subs[s.ID()] = sub
		m.members = append(m.members, &member{sub: sub, session: s})
	}
	return m
}

// run has everybody ask at random until ctx ends.
func (m *moderated) run(ctx context.Context, seed uint64) {
	var wg sync.WaitGroup
	for i, one := range m.members {
		random := rand.New(rand.NewPCG(seed, 1000+uint64(i)))
		wg.Go(func() { m.live(ctx, one, random) })
	}
	random := rand.New(rand.NewPCG(seed, 2000))
	wg.Go(func() { m.strangers(ctx, random) })
	wg.Wait()
}

// live is a member's life.
func (m *moderated) live(ctx context.Context, one *member, random *rand.Rand) {
	for ctx.Err() == nil {
		select {
		case <-time.After(time.Duration(50+random.IntN(250)) * time.Millisecond):
		case <-ctx.Done():
			return
		}
		f, breaks := m.next(one, random)
		if breaks {
			one.session.Break()
			continue
		}
		asked, done := time.Now(), m.lifts(&f)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		e, err := one.session.Request(limit, f)
		cancel()
		done()
		if err != nil {
			m.c.fail(fmt.Errorf("%s of %s in %q: %w", f.Name, one.session.ID(), f.Room, err))
			return
		}
		m.note(&f, &e, asked)
		if f.Name == proto.RoomKick && e.Name == proto.ClientKicked && random.IntN(2) == 0 { // and again: the same again finds it out
			_ = one.session.Send(f.Room, f.TargetID, `{"candidate":0}`)
		}
	}
}

// next chooses what a member asks for next; or that its connection breaks.
func (m *moderated) next(one *member, random *rand.Rand) (f proto.Frame, breaks bool) {
	f.Room = m.rooms[random.IntN(len(m.rooms))]
	target := func() proto.ClientID {
		for {
			if other := m.members[random.IntN(len(m.members))].session.ID(); other != one.session.ID() {
				return other
			}
		}
	}
	user := func() string { return moderatedUsers[random.IntN(len(moderatedUsers))] }
	update := func(u *proto.Update) { f.Name, f.More = proto.RoomUpdate, &proto.FrameMore{Update: u} }
	policies := []proto.Policy{proto.PolicyClose, proto.PolicyTransfer, proto.PolicyStay}
	switch n := random.IntN(100); {
	case n < 8:
		return f, true
	case n < 55:
		f.Name, f.Policy = proto.RoomEnter, policies[random.IntN(len(policies))]
	case n < 61:
		f.Name = proto.RoomLeave
	case n < 72:
		f.Name, f.TargetID, f.More = proto.RoomKick, target(), &proto.FrameMore{Message: "out"}
	case n < 80:
		f.Name, f.More = proto.RoomBan, &proto.FrameMore{Sub: user(), Seconds: int64(1 + random.IntN(6))}
	case n < 83:
		f.Name, f.More = proto.RoomUnban, &proto.FrameMore{Sub: user()}
	case n < 90:
		update(&proto.Update{Locked: new(random.IntN(3) == 0)})
	case n < 92:
		update(&proto.Update{Meta: jsontext.Value(fmt.Sprintf(`{"m":%d}`, random.IntN(1000)))})
	case n < 94:
		update(&proto.Update{Policy: new(policies[random.IntN(len(policies))])})
	case n < 99:
		f.Name, f.TargetID = proto.RoomTransfer, target()
	default:
		f.Name = proto.RoomClose
	}
	return f, false
}

// lifts notes that somebody is about to ask for what may lift a ban. What it returns notes that this has been answered.
func (m *moderated) lifts(f *proto.Frame) (done func()) {
	if f.Name != proto.RoomUnban && f.Name != proto.RoomBan {
		return func() {}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &lifting{room: f.Room, sub: f.More.Sub, from: time.Now(), to: time.Now().Add(time.Hour)}
	m.lifted = append(m.lifted, l)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		l.to = time.Now().Add(proto.RequestTimeout) // of an attempt before
	}
}

// mayLift reports whether the ban of a user may have been lifted, or replaced by another, at a time.
func (m *moderated) mayLift(room proto.Room, sub string, at time.Time) bool {
	return slices.ContainsFunc(m.lifted, func(l *lifting) bool {
		return l.room == room && l.sub == sub && !at.Before(l.from) && !at.After(l.to)
	})
}

// note takes note of an answer, and finds those that fit no request.
func (m *moderated) note(f *proto.Frame, e *proto.Event, asked time.Time) {
	m.mu.Lock()
	m.count[e.Name]++
	if e.Name == proto.ClientKicked || e.Name == proto.ClientBanned {
		m.said = append(m.said, judgement{answer: *e, target: f.TargetID, asked: asked, said: time.Now()})
	}
	m.mu.Unlock()
	codes := []proto.Code{
		proto.CodeUnavailable, proto.CodeForbidden, proto.CodeLocked, proto.CodeBanned, proto.CodeResumeFirst, proto.CodeRateLimited,
	}
	itself := f.Name == proto.RoomBan && e.Code == proto.CodeBadRequest
	if e.Name == proto.Error && !slices.Contains(codes, e.Code) && !itself {
		m.c.fail(fmt.Errorf("%s in %q is answered %s", f.Name, f.Room, proto.AppendEvent(nil, e)))
	}
}

// strangers come and go without a token, by the gateway that asks for none: they may create and join, and moderate what they own.
func (m *moderated) strangers(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		dial, cancel := context.WithTimeout(ctx, 5*time.Second)
		s, err := testkit.Open(dial, m.c.open(), nil)
		cancel()
		if err != nil {
			continue
		}
		for range 5 + random.IntN(20) {
			f := proto.Frame{Name: proto.RoomEnter, Room: m.rooms[random.IntN(len(m.rooms))]}
			switch random.IntN(6) {
			case 0:
				f.Name, f.TargetID = proto.RoomKick, m.members[random.IntN(len(m.members))].session.ID()
			case 1:
				f.Name, f.TargetID = proto.RoomTransfer, m.members[random.IntN(len(m.members))].session.ID()
			case 2:
				f.Name, f.More = proto.RoomBan, &proto.FrameMore{Sub: "ann", Seconds: 5}
			}
			asked := time.Now()
			limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
			e, err := s.Request(limit, f)
			cancel()
			if err != nil {
				break
			}
			if f.Name == proto.RoomBan && e.Name == proto.ClientBanned {
				m.c.fail(fmt.Errorf("a client without a token bans: %s", proto.AppendEvent(nil, &e)))
			}
			m.note(&f, &e, asked)
			select {
			case <-time.After(time.Duration(20+random.IntN(100)) * time.Millisecond):
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				break
			}
		}
		m.mu.Lock()
		m.subs[s.ID()] = ""
		m.mu.Unlock()
		s.Close()
	}
}

// settled judges all that was committed, and what everybody believes in the end.
func (m *moderated) settled(t *testing.T) {
	t.Helper()
	for _, room := range m.rooms {
		m.judge(t, room)
	}
	for _, one := range m.members {
		for _, line := range one.session.Wrong() {
			t.Error(line)
		}
		m.heard(t, one.session)
	}
	truth := views.NewTruth(t, harness.Connect(t, harness.URLs(m.c.servers)))
	harness.AwaitFor(t, 40*time.Second, "moderated rooms are level", func() bool {
		for _, room := range m.rooms {
			if err := m.level(t.Context(), truth, room); err != nil {
				t.Log(err)
				return false
			}
		}
		return true
	})
	t.Logf("in moderated rooms: %v; of %d removals the records are missing, of %d", m.count, m.unknown, len(m.said))
	if 2*m.unknown > len(m.said) {
		t.Error("of most removals nothing is known")
	}
}

// judge goes through all records of a room.
func (m *moderated) judge(t *testing.T, room proto.Room) {
	t.Helper()
	var book orders.Book
	records, _ := m.c.records.of(room)
	who := func(id proto.ClientID) string { return m.subs[id] }
	for i := range records {
		r := &records[i]
		for _, err := range book.Take(&r.rec, r.seq, r.at.UnixMilli(), who, func(sub string) bool { return m.mayLift(room, sub, r.at) }) {
			t.Errorf("room %q: %v", room, err)
		}
	}
	for _, j := range m.said {
		if j.answer.Room == room && !m.was(records, &j) {
			t.Errorf("room %q: %s was answered at %v, and was not so since %v", room, proto.AppendEvent(nil, &j.answer), j.said, j.asked)
		}
	}
	if len(records) == 0 {
		t.Errorf("room %q has no records", room)
	}
}

// was reports whether the one of whom an answer says that it was removed was out of the room, and kept out, at some moment between the
// request and the answer; or that this is not known, as records of that time are missing.
func (m *moderated) was(records []stored, j *judgement) bool {
	for i := range records {
		r := &records[i]
		if i > 0 && r.rec.Prev != records[i-1].seq && !r.at.Before(j.asked) && !records[i-1].at.After(j.said) {
			m.unknown++
			return true
		}
		if i+1 < len(records) && records[i+1].at.Before(j.asked) || r.at.After(j.said) || r.rec.About == nil {
			continue
		}
		out := func(is func(*proto.Member) bool) bool {
			return r.rec.Closed || !slices.ContainsFunc(r.rec.Members, func(one proto.Member) bool { return is(&one) })
		}
		if j.answer.Name == proto.ClientKicked {
			if proto.Holding(r.rec.About.Kicked, j.target, "", 0) && out(func(one *proto.Member) bool { return one.ID == j.target }) {
				return true
			}
		} else if sub := j.answer.More.Sub; proto.Holding(r.rec.About.Bans, "", sub, 0) && out(func(one *proto.Member) bool { return one.Sub() == sub }) {
			return true
		}
	}
	return false
}

// heard judges why members were told to have left: as the room's event has it, each once.
func (m *moderated) heard(t *testing.T, s *testkit.Session) {
	t.Helper()
	for _, r := range s.All() {
		known, whole := m.c.records.of(r.Room)
		if r.Name == proto.RoomLeft && whole && r.Kicked && (r.Reason == proto.Kicked || r.Reason == proto.Banned) {
			if !slices.ContainsFunc(known, func(x stored) bool {
				return x.rec.Change.ID == s.ID() && x.rec.Change.Reason == r.Reason
			}) {
				t.Errorf("%s hears %s, and was not removed so", s.ID(), r.Raw)
			}
		}
		if r.Name != proto.ClientLeft || r.Reason == "" {
			continue
		}
		if i := slices.IndexFunc(known, func(x stored) bool { return x.seq == r.Seq }); i >= 0 {
			if change := &known[i].rec.Change; change.ID != r.ID || change.Reason != r.Reason {
				t.Errorf("%s hears %s, and the change was %+v", s.ID(), r.Raw, change)
			}
		}
	}
}

// level reports what somebody believes of a room that is not so.
func (m *moderated) level(ctx context.Context, truth *views.Truth, room proto.Room) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	rec, _, err := truth.Journal(ctx, room)
	if err != nil {
		return err
	}
	for _, one := range m.members {
		in := rec != nil && !rec.Closed && rec.Member(one.session.ID()) >= 0
		has := believes(one.session, room)
		switch {
		case in != (has != nil):
			return fmt.Errorf("%s is in %q: %t, and believes %+v", one.session.ID(), room, in, has) // it fails the test
		case in && !has.like(standing(rec)):
			return fmt.Errorf("%s believes of %q %+v, and it is %+v", one.session.ID(), room, *has, standing(rec)) // as above
		}
	}
	return nil
}

// stands is what members are told of what stands about a room.
type stands struct {
	owner  proto.ClientID
	locked bool
	policy proto.Policy
	meta   string
}

// asked stands for the policy that a client has asked for itself.
const asked proto.Policy = "as it asked"

func (s stands) like(o stands) bool {
	if s.policy == asked {
		s.policy = o.policy
	}
	return s == o
}

func standing(rec *proto.Record) stands {
	s := stands{owner: rec.OwnerID, policy: rec.OnOwnerGone}
	if rec.About != nil {
		s.locked, s.meta = rec.About.Locked, string(rec.About.Meta)
	}
	return s
}

// believes returns what a session was told last of a room; nil: that it is not in there.
func believes(s *testkit.Session, room proto.Room) *stands {
	var has *stands
	told := func(e *proto.Event) *stands {
		of := &stands{owner: e.OwnerID, policy: e.Policy}
		if e.More != nil {
			of.locked, of.meta = e.More.Locked, string(e.More.Meta)
		}
		return of
	}
	for _, r := range s.All() {
		if r.Room != room {
			continue
		}
		switch r.Name {
		case proto.RoomCreated:
			has = told(&r.Event)
			has.owner = s.ID()
			if has.policy == "" {
				has.policy = asked // it is told only where it is another by now
			}
		case proto.RoomJoined, proto.Resumed:
			has = told(&r.Event)
		case proto.RoomUpdated:
			if r.Ref == "" && has != nil {
				has = told(&r.Event)
			}
		case proto.ClientLeft:
			if has != nil && (r.OwnerID != "" || r.ID == has.owner) {
				has.owner = r.OwnerID
			}
		case proto.ClientJoined:
			if has != nil && r.OwnerID != "" {
				has.owner = r.OwnerID
			}
		case proto.RoomLeft:
			has = nil
		case proto.NotInRoom:
			if s.Heard(room).Seq == 0 {
				has = nil
			}
		default:
		}
	}
	return has
}

// records are all records of rooms, as the stream has stored them: an observer of the journal.
type records struct {
	mu sync.Mutex // guards by
	by map[proto.Room][]stored
}

// stored is a record, and when it was stored.
type stored struct {
	rec proto.Record
	seq uint64
	at  time.Time
}

// of returns what is known of a room, and whether that is all of it.
func (r *records) of(room proto.Room) (list []stored, whole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list = slices.Clone(r.by[room])
	for i := 1; i < len(list); i++ {
		if list[i].rec.Prev != list[i-1].seq && list[i].rec.Prev != 0 {
			return list, false
		}
	}
	return list, true
}

// recordAll follows the journal until the test ends. Of each room the stream keeps the last record alone, so some may be missed while
// the NATS server is away that it is read from.
func recordAll(t *testing.T, nats string) *records {
	t.Helper()
	r := &records{by: map[proto.Room][]stored{}}
	js, err := jetstream.New(harness.Connect(t, nats))
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(t.Context(), "PARLEY", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"parley.journal.>"}})
	if err != nil {
		t.Fatal(err)
	}
	following, err := consumer.Consume(r.take)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(following.Stop)
	return r
}

func (r *records) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	rec, bad := proto.DecodeRecord(m.Data())
	r.mu.Lock()
	defer r.mu.Unlock()
	if err = errors.Join(err, bad); err != nil || rec.Room == "" {
		return // no room's
	}
	r.by[rec.Room] = append(r.by[rec.Room], stored{rec, meta.Sequence.Stream, meta.Timestamp})
}
