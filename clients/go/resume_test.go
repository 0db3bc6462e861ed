package parley

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestWhatWasNotConfirmedIsSentAgainUnderItsNumberOnceTheRoomIsResumed(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	c, at := f.dial()
	room := enterFake(t, c, at, "lobby")
	at.say(`{"event":"signal-receive","room":"lobby","senderId":"other","data":"one","n":77}`)
	one, two := room.SignalAsync("other", 1), room.SignalAsync("other", 2)
	a, b := at.hear("signal-send"), at.hear("signal-send")
	if a.N == 0 || b.N != a.N+1 {
		t.Fatalf("the numbers are %d and %d", a.N, b.N)
	}
	at.say(`{"event":"signal-sent","room":"lobby","targetId":"other","ref":"` + a.Ref + `"}`)
	if err := ends(t, one); err != nil {
		t.Fatal(err)
	}
	at.end()
	three := room.SignalAsync("other", 3) // waits
	next := f.next().hello()
	if turn := next.request.URL.Query().Get("turn"); turn != "2" {
		t.Errorf("comes back with turn %s", turn)
	}
	r := next.hear("resume")
	if r.Room != "lobby" || r.Seq != 5 || r.Heard["other"] != 77 || r.Fresh {
		t.Errorf("resumes with %+v", r)
	}
	next.say(`{"event":"resumed","room":"lobby","ownerId":"other","clients":["other"],"away":[],"fresh":[],"seq":6,"ref":"` + r.Ref + `"}`)
	again := next.hear("signal-send")
	if again.N != b.N || string(again.Data) != "2" {
		t.Errorf("sent again: %+v, expected number %d", again, b.N)
	}
	last := next.hear("signal-send")
	if last.N <= again.N || string(last.Data) != "3" {
		t.Errorf("then: %+v", last)
	}
	next.say(`{"event":"error","code":"too-old","message":"it is","ref":"` + again.Ref + `"}`) // it had arrived
	next.say(`{"event":"signal-held","room":"lobby","targetId":"other","ref":"` + last.Ref + `"}`)
	next.say(`{"event":"signal-receive","room":"lobby","senderId":"other","data":"one","n":77}`) // told twice
	next.say(`{"event":"live","room":"lobby","lost":{"other":99}}`)
	next.say(`{"event":"signal-sent","room":"lobby","targetId":"other","ref":"` + last.Ref + `"}`)
	for _, end := range []<-chan error{two, three} {
		if err := ends(t, end); err != nil {
			t.Error(err)
		}
	}
	expect(t, room, Signal)
	if e := expect(t, room, Away); e.Reason != "lost" {
		t.Errorf("away for %q", e.Reason)
	}
	expect(t, room, Back)
	if e := expect(t, room, Live); len(e.Lost) != 1 || e.Lost[0] != "other" {
		t.Errorf("lost are %v", e.Lost)
	}
}

func TestTheSnapshotOfAResumptionIsToldByItsDifference(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	c, at := f.dial()
	room := enterFake(t, c, at, "lobby")
	at.say(`{"event":"client-joined","room":"lobby","id":"fresh","seq":6,"prev":5}`)
	at.say(`{"event":"client-joined","room":"lobby","id":"goes","seq":7,"prev":6}`)
	expect(t, room, Join)
	expect(t, room, Join)
	gone := room.SignalAsync("goes", 1)
	at.hear("signal-send")
	at.end()
	next := f.next().hello()
	r := next.hear("resume")
	next.say(`{"event":"resumed","room":"lobby","ownerId":"new","clients":["other","fresh","new"],"away":["other"],"fresh":["fresh","new"],` +
		`"seq":9,"ref":"` + r.Ref + `"}`)
	next.say(`{"event":"live","room":"lobby","lost":{}}`)
	if err := ends(t, gone); CodeOf(err) != TargetNotFound {
		t.Errorf("a signal to who has left: %v", err)
	}
	expect(t, room, Away)
	if e := expect(t, room, Leave); e.ID != "goes" {
		t.Errorf("left: %+v", e)
	}
	expect(t, room, MemberAway)
	if e := expect(t, room, MemberBack); e.ID != "fresh" || !e.Fresh {
		t.Errorf("back: %+v", e)
	}
	if e := expect(t, room, Join); e.ID != "new" {
		t.Errorf("joined: %+v", e)
	}
	if e := expect(t, room, Owner); e.ID != "new" {
		t.Errorf("owner: %+v", e)
	}
	expect(t, room, Back)
	expect(t, room, Live)
	if !room.IsAway("other") || room.IsAway("new") {
		t.Error("who is away is wrong")
	}
}

func TestARoomServiceOutOfReachIsAskedAgainAndARoomThatIsGoneIsCreated(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	c, at := f.dial()
	room := enterFake(t, c, at, "lobby")
	at.end()
	next := f.next().hello()
	r := next.hear("resume")
	next.say(`{"event":"error","code":"unavailable","message":"in a moment","room":"lobby","ref":"` + r.Ref + `"}`)
	r = next.hear("resume")
	next.say(`{"event":"not-in-room","room":"lobby","reason":"owner-lost","ref":"` + r.Ref + `"}`)
	a := next.hear("room-enter")
	next.say(`{"event":"room-created","room":"lobby","seq":12,"ref":"` + a.Ref + `"}`)
	expect(t, room, Away)
	expect(t, room, Leave)
	if e := expect(t, room, Away); e.Reason != "owner-lost" {
		t.Errorf("away for %q", e.Reason)
	}
	expect(t, room, Back)
	if !room.Owned() {
		t.Errorf("the owner is %s", room.Owner())
	}
}

func TestARequestWhoseAnswerWasLostIsAnsweredByTheResumption(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	c, at := f.dial()
	done := later(func() (*Room, error) { return c.Create(t.Context(), "lobby", Entry{}) })
	at.hear("room-create")
	at.end()
	next := f.next().hello()
	r := next.hear("resume")
	if r.Seq != 0 {
		t.Errorf("resumes with %+v", r)
	}
	next.say(`{"event":"resumed","room":"lobby","ownerId":"me-me-me-me-me-me-me-me","clients":[],"away":[],"fresh":[],"seq":6,"ref":"` + r.Ref + `"}`)
	if got := <-done; got.err != nil || got.value.Name() != "lobby" || !got.value.Owned() {
		t.Errorf("created: %+v", got)
	}
}

func TestARoomOfWhichTheClientKnowsNothingIsResumedFirst(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	c, at := f.dial()
	done := later(func() (*Room, error) { return c.Join(t.Context(), "lobby", Entry{}) })
	a := at.hear("room-join")
	at.say(`{"event":"error","code":"resume-first","message":"resume it","room":"lobby","ref":"` + a.Ref + `"}`)
	r := at.hear("resume")
	if !r.Fresh {
		t.Errorf("resumes with %+v", r)
	}
	at.say(`{"event":"not-in-room","room":"lobby","ref":"` + r.Ref + `"}`)
	a = at.hear("room-join")
	at.say(`{"event":"room-joined","room":"lobby","ownerId":"other","clients":["other"],"seq":5,"ref":"` + a.Ref + `"}`)
	if got := <-done; got.err != nil {
		t.Error(got.err)
	}
}

func TestARoomIsLeftWhoseAnswerCameAfterTheAppGaveUp(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	c, at := f.dial()
	ctx, cancel := context.WithCancel(t.Context())
	done := later(func() (*Room, error) { return c.Enter(ctx, "lobby", Entry{}) })
	a := at.hear("room-enter")
	cancel()
	if got := <-done; !errors.Is(got.err, context.Canceled) {
		t.Errorf("entered: %v", got.err)
	}
	at.say(`{"event":"room-joined","room":"lobby","ownerId":"other","clients":["other"],"seq":5,"ref":"` + a.Ref + `"}`)
	at.hear("room-leave")
}

func TestASessionThatGoesOnElsewhereEndsTheClient(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	c, at := f.dial()
	room := enterFake(t, c, at, "lobby")
	_ = at.Close(4409, "resumed elsewhere")
	<-c.Done()
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "another connection that has its key") {
		t.Errorf("closed with %v", err)
	}
	_, err := room.Next(t.Context())
	if end, is := errors.AsType[*End](err); !is || end.How != Moved {
		t.Errorf("ended with %v", err)
	}
}

func TestAServerThatIsOverloadedIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	notices := make(chan Notice, 10)
	_, at := f.dial(Notify(func(n Notice) { notices <- n }))
	_ = at.Close(websocket.StatusTryAgainLater, "")
	for n := range notices {
		if n.State == Waiting {
			if n.Delay < defaults().mostDelay/6 || !strings.Contains(n.Err.Error(), "overloaded") {
				t.Errorf("tries again in %v, after %v", n.Delay, n.Err)
			}
			break
		}
	}
}

func TestASilentConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	_, at := f.dial(Pings(10*time.Millisecond, 10*time.Millisecond))
	at.hear("ping")
	f.next() // it comes back
}
