package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// operator runs a command of parley against a site, and returns what it prints.
func (s *trusting) operator(t *testing.T, code int, args ...string) string {
	t.Helper()
	p := harness.Start(t, "parley "+args[0], harness.Parley, append(args, "--nats", s.nats)...)
	if got := p.Wait(t); got != code {
		t.Errorf("parley %s: exit code %d, expected %d:\n%s", strings.Join(args, " "), got, code, p.Log())
	}
	return p.Log()
}

// wantEnd fails the test unless a connection ends with a closing code.
func wantEnd(t *testing.T, c *testkit.Client, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, why, err := c.CloseCode(ctx)
	if err != nil || int(got) != code {
		t.Errorf("closed with %d %q, %v, expected %d", got, why, err, code)
	}
}

// TestAnOperatorHasTheLastWord removes, bans, closes, disconnects and revokes, by the commands.
func TestAnOperatorHasTheLastWord(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann, bob := s.user(t, "ann", everything), s.user(t, "bob", everything)
		room := fresh(t)
		want(t, ann.Create(t, room), proto.RoomCreated)
		want(t, bob.Join(t, room), proto.RoomJoined)
		if out := s.operator(t, 0, "room", string(room)); !strings.Contains(out, `user ann`) || !strings.Contains(out, "sub bob") {
			t.Errorf("the room is shown as\n%s", out)
		}
		s.operator(t, 0, "kick", string(room), string(bob.ID()), "--message", "please wait")
		if r, err := bob.Await(t.Context(), proto.RoomLeft); err != nil || r.Reason != proto.Kicked || r.Message != "please wait" {
			t.Errorf("bob hears %s, %v", r.Raw, err)
		}
		s.operator(t, 0, "kick", string(room), string(bob.ID())) // it is out, as asked
		s.operator(t, 1, "kick", "nowhere", string(bob.ID()))
		s.operator(t, 0, "ban", string(room), "kim", "--for", "1h")
		wantCode(t, s.user(t, "kim", everything).Join(t, room), proto.CodeBanned)
		if out := s.operator(t, 0, "room", string(room)); !strings.Contains(out, "kim is banned, for another") {
			t.Errorf("the room is shown as\n%s", out)
		}
		s.operator(t, 0, "ban", string(room), "kim", "--for", "0")
		want(t, s.user(t, "kim", everything).Join(t, room), proto.RoomJoined)
		s.operator(t, 0, "close", string(room))
		if r, err := ann.Await(t.Context(), proto.RoomLeft); err != nil || r.Reason != proto.ClosedForAll {
			t.Errorf("ann hears %s, %v", r.Raw, err)
		}
		if out := s.operator(t, 0, "disconnect", "ann"); !strings.Contains(out, "1 connection of ann ended") {
			t.Errorf("printed\n%s", out)
		}
		wantEnd(t, ann, proto.CloseDisconnected)
		want(t, s.user(t, "ann", everything).Create(t, fresh(t)), proto.RoomCreated)
	})
}

// An owner that an operator removes hears that, the others that their owner has gone: the room ends with it.
func TestAnOperatorRemovesAnOwner(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann, bob := s.user(t, "ann", everything), s.user(t, "bob", everything)
		for _, c := range []struct {
			args   []string
			reason proto.Reason
		}{
			{[]string{"kick", "ROOM", string(ann.ID()), "--message", "the house closes"}, proto.Kicked},
			{[]string{"ban", "ROOM", "ann", "--for", "1h"}, proto.Banned},
		} {
			room := fresh(t)
			want(t, ann.Create(t, room), proto.RoomCreated)
			want(t, bob.Join(t, room), proto.RoomJoined)
			c.args[1] = string(room)
			s.operator(t, 0, c.args...)
			if r, err := ann.Await(t.Context(), proto.RoomLeft); err != nil || r.Room != room || r.Reason != c.reason || c.reason == proto.Kicked && r.Message == "" {
				t.Errorf("%s: ann hears %s, %v", c.args[0], r.Raw, err)
			}
			if r, err := bob.Await(t.Context(), proto.RoomLeft); err != nil || r.Room != room || r.Reason != proto.OwnerLeft || r.Message != "" {
				t.Errorf("%s: bob hears %s, %v", c.args[0], r.Raw, err)
			}
		}
	})
}

// A session whose user is disconnected is over at once, also one that is away.
func TestWhoIsDisconnectedLeavesAtOnce(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann := testkit.DialWith(t, s.url(), &testkit.Options{Token: s.secret.Token(t, "ann", everything), Key: testkit.NewKey(), Turn: 1})
		room := fresh(t)
		want(t, ann.Create(t, room), proto.RoomCreated)
		bob := testkit.DialWith(t, s.url(), &testkit.Options{Token: s.secret.Token(t, "bob", everything), Key: testkit.NewKey(), Turn: 1})
		want(t, bob.Join(t, room), proto.RoomJoined)
		bob.Abort()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if r, err := ann.Await(ctx, proto.ClientAway); err != nil || r.ID != bob.ID() {
			t.Fatalf("ann hears %s, %v", r.Raw, err)
		}
		s.operator(t, 0, "disconnect", "bob")
		if r, err := ann.Await(ctx, proto.ClientLeft); err != nil || r.ID != bob.ID() {
			t.Errorf("ann hears %s, %v", r.Raw, err)
		}
	})
}

// Revoked tokens count no more at any gateway, within moments and after restarts; one that is issued since counts.
func TestRevokedTokensCountNoMoreAnywhere(t *testing.T) {
	t.Parallel()
	s := newTrusting(t, true)
	now := time.Now()
	old := s.secret.TokenAt(t, "bob", everything, now.Add(-time.Minute), now.Add(time.Hour))
	var bobs []*testkit.Client
	for _, url := range s.urls {
		bobs = append(bobs, testkit.DialWith(t, url, &testkit.Options{Token: old}))
	}
	s.operator(t, 0, "revoke", "bob")
	for _, bob := range bobs {
		wantEnd(t, bob, proto.CloseDisconnected)
	}
	refused := func() {
		t.Helper()
		for _, url := range s.urls {
			if _, err := testkit.Open(t.Context(), url, &testkit.Options{Token: old}); err == nil || !strings.Contains(err.Error(), "revoked") {
				t.Errorf("the old token: %v", err)
			}
			c, err := testkit.Open(t.Context(), url, &testkit.Options{Token: s.secret.TokenAt(t, "bob", everything, time.Now().Add(time.Second), now.Add(time.Hour))})
			if err != nil {
				t.Errorf("a token since: %v", err)
				continue
			}
			c.Close()
		}
	}
	refused()
	for i := range s.site2.Replicas {
		s.site2.Replicas[i].Kill(t)
	}
	for i := range s.site2.Gateways {
		s.site2.Gateways[i].Kill(t)
	}
	for i := range s.site2.Replicas {
		s.site2.Replicas[i] = s.site2.Replicas[i].Again(t)
		s.site2.Replicas[i].Ready(t)
	}
	for i := range s.site2.Gateways {
		s.site2.Gateways[i] = s.site2.Gateways[i].Again(t)
		s.site2.Gateways[i].Ready(t)
		s.urls[i] = s.site2.Gateways[i].WS(t)
	}
	refused()
}
