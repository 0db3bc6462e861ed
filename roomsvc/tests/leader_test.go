package roomsvc_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// moment is how long a test watches that something does not happen.
const moment = 300 * time.Millisecond

// noRecord is the leader's answer to a read of a room of which it has stored nothing.
const noRecord = `{"type":"io.nats.jetstream.api.v1.stream_msg_get_response",` +
	`"error":{"code":404,"err_code":10037,"description":"no message found"}}`

// Any copy of the stream feeds a replica, and its leader answers appends and reads.
func isFeed(subject string) bool   { return strings.HasPrefix(subject, "parley.journal.") }
func isAnswer(payload []byte) bool { return isAck(payload) || isRead(payload) }
func isAck(payload []byte) bool    { return bytes.HasPrefix(payload, []byte(`{"stream":"PARLEY",`)) }

func isRead(payload []byte) bool { return bytes.Contains(payload, []byte(`.stream_msg_get_response"`)) }

func isInfo(payload []byte) bool             { return bytes.Contains(payload, []byte(`.stream_info_response"`)) }
func held(on bool) verdict                   { return verdict{hold: on} }
func holdFeed(s string, _ []byte) verdict    { return held(isFeed(s)) }
func holdAnswers(_ string, p []byte) verdict { return held(isAnswer(p)) }

// behind tells the first reads, which the leader answers as if it had not stored the room yet.
func behind(reads int) func(payload []byte) bool {
	return func(payload []byte) bool {
		if !isRead(payload) || reads == 0 {
			return false
		}
		reads--
		return true
	}
}

func TestNobodyIsToldOfAChangeThatOnlyTheFeedHasBrought(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	leader, change := newSieve(n)
	r := start(t, n, change)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	leader.set(holdAnswers)
	answer := g.send(request{op: proto.OpCreate, id: "create", Request: proto.Request{Room: "r", ClientID: ann}})
	testkit.WaitFor(t, "the feed to bring the room", func() bool { return leader.count("parley.journal.r") >= 1 })
	select {
	case e := <-answer:
		t.Fatalf("answered %s before the leader had stored it", e.Name)
	case <-time.After(moment):
	}
	if events := g.heardOf("r"); len(events) > 0 {
		t.Fatalf("told %+v before the leader had stored it", events)
	}
	leader.release()
	created := expect(t, <-answer, proto.RoomCreated)
	joined := expect(t, g.join("r", bob), proto.RoomJoined)
	expectClients(t, joined, ann)
	if events := g.heardOf("r"); len(events) != 2 || events[0].Seq != created.Seq || events[1].Prev != created.Seq {
		t.Errorf("heard %+v", events)
	}
	if rooms, members := value(t, r, "rooms"), value(t, r, "members"); rooms != 1 || members != 2 {
		t.Errorf("%v rooms and %v members", rooms, members)
	}
}

func TestAChangeWhoseAnswerIsLateOrLostIsSettledByWhatTheLeaderHas(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	leader, change := newSieve(n)
	one, two := start(t, n, change), start(t, n)
	g := newAsker(t, n)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	at := func(r *replica, op proto.Op, client proto.ClientID) request {
		return request{
			op: op, id: proto.NewRequestID(), to: g.subjects.Replica(r.ID(), op), Request: proto.Request{Room: "r", ClientID: client},
		}
	}
	created := expect(t, g.ask(at(one, proto.OpCreate, ann)), proto.RoomCreated)
	older := behind(3)
	leader.set(func(_ string, p []byte) verdict {
		if older(p) {
			return verdict{instead: noRecord}
		}
		return held(isAck(p))
	})
	join := g.send(at(one, proto.OpJoin, bob))
	last := testkitStream(t, n)
	testkit.WaitFor(t, "the join to be committed", func() bool { return last() == 2 })
	// Another's change comes after it while it is not settled.
	third := expect(t, g.ask(at(two, proto.OpJoin, eve)), proto.RoomJoined)
	joined := expect(t, <-join, proto.RoomJoined)
	expectClients(t, joined, ann)
	expectClients(t, third, ann, bob)
	testkit.WaitFor(t, "all events", func() bool { return len(g.heardOf("r")) == 3 })
	for i, want := range []uint64{created.Seq, joined.Seq, third.Seq} {
		if e := g.heardOf("r")[i]; e.Seq != want {
			t.Errorf("event %d is %d, expected %d", i, e.Seq, want)
		}
	}
	leader.release()
	replay(t, g, "r", []proto.ClientID{ann, bob, eve})
	expectClients(t, expect(t, g.ask(at(one, proto.OpRoster, "")), proto.Roster), ann, bob, eve)
}

func TestAChangeThatWasGivenUpIsToldOnceTheLeaderHasIt(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	leader, change := newSieve(n)
	start(t, n, change)
	g := newAsker(t, n)
	ann := proto.NewClientID()
	leader.set(holdAnswers)
	answer := g.send(request{
		op: proto.OpCreate, id: "create", timeout: moment, Request: proto.Request{Room: "r", ClientID: ann},
	})
	if e := expect(t, <-answer, proto.Error); e.Code != proto.CodeUnavailable {
		t.Errorf("answered %+v", e)
	}
	testkit.WaitFor(t, "the feed to bring the room", func() bool { return leader.count("parley.journal.r") >= 1 })
	<-time.After(moment)
	if events := g.heardOf("r"); len(events) > 0 {
		t.Fatalf("told %+v before the leader had stored it", events)
	}
	leader.release()
	testkit.WaitFor(t, "the room to be told", func() bool { return len(g.heardOf("r")) == 1 })
	expectClients(t, expect(t, g.roster("r"), proto.Roster), ann)
	<-time.After(moment)
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.events) != 1 {
		t.Errorf("told %d times", len(g.events))
	}
}

func TestARoomIsNotAnsweredAsALeaderHasItThatIsBehindTheFeed(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	leader, change := newSieve(n)
	start(t, n, change)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, g.create("r", ann), proto.RoomCreated)
	expect(t, g.join("r", bob), proto.RoomJoined)
	for _, ask := range []func() proto.Event{
		func() proto.Event { return g.roster("r") },
		func() proto.Event { return g.create("r", bob) },
	} {
		older, reads := behind(3), 0
		leader.set(func(_ string, p []byte) verdict {
			if older(p) {
				reads++
				return verdict{instead: noRecord}
			}
			return verdict{}
		})
		if e := ask(); e.Name != proto.Roster && e.Name != proto.RoomExists {
			t.Errorf("answered %+v", e)
		}
		if reads != 3 {
			t.Errorf("answered after %d reads of 3 that were older than memory", reads)
		}
	}
}

func TestEveryAnswerIsRightWhileTheFeedIsBehind(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	feed, change := newSieve(n)
	late, other := start(t, n, change), start(t, n)
	g := newAsker(t, n)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	ask := func(r *replica, op proto.Op, room proto.Room, client, target proto.ClientID) proto.Event {
		t.Helper()
		return g.ask(request{
			op: op, to: g.subjects.Replica(r.ID(), op),
			Request: proto.Request{Room: room, ClientID: client, TargetID: target, N: 1, Data: []byte(`{}`)},
		})
	}
	for _, room := range []proto.Room{"joined", "left", "closed", "again"} {
		expect(t, ask(other, proto.OpCreate, room, ann, ""), proto.RoomCreated)
	}
	expect(t, ask(other, proto.OpJoin, "left", bob, ""), proto.RoomJoined)
	testkit.WaitFor(t, "the replica to know", func() bool { return value(t, late, "members") == 5 })
	feed.set(holdFeed)
	expect(t, ask(other, proto.OpCreate, "new", ann, ""), proto.RoomCreated)
	expect(t, ask(other, proto.OpJoin, "joined", bob, ""), proto.RoomJoined)
	expect(t, ask(other, proto.OpLeave, "left", bob, ""), proto.RoomLeft)
	expect(t, ask(other, proto.OpLeave, "closed", ann, ""), proto.RoomLeft)
	expect(t, ask(other, proto.OpLeave, "again", ann, ""), proto.RoomLeft)
	expect(t, ask(other, proto.OpCreate, "again", bob, ""), proto.RoomCreated)

	expectClients(t, expect(t, ask(late, proto.OpRoster, "joined", "", ""), proto.Roster), ann, bob)
	expectClients(t, expect(t, ask(late, proto.OpRoster, "left", "", ""), proto.Roster), ann)
	expect(t, ask(late, proto.OpRoster, "closed", "", ""), proto.RoomNotExists)
	expect(t, ask(late, proto.OpCreate, "new", eve, ""), proto.RoomExists)
	expectClients(t, expect(t, ask(late, proto.OpJoin, "new", eve, ""), proto.RoomJoined), ann)
	expect(t, ask(late, proto.OpJoin, "closed", eve, ""), proto.RoomNotExists)
	expectClients(t, expect(t, ask(late, proto.OpJoin, "again", eve, ""), proto.RoomJoined), bob)
	expect(t, ask(late, proto.OpSignal, "joined", bob, ann), proto.SignalSent)
	expect(t, ask(late, proto.OpLeave, "joined", bob, ""), proto.RoomLeft)
	expect(t, ask(late, proto.OpCreate, "closed", eve, ""), proto.RoomCreated)
	feed.release()
	expectClients(t, expect(t, ask(other, proto.OpRoster, "again", "", ""), proto.Roster), bob, eve)
}
