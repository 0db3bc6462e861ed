package e2e_test

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/parley-rtc/parley/e2e/couples"
	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// The environment variables that make the tests of sessions as large as the machine can bear.
const (
	sessionPairs = "PARLEY_SESSION_PAIRS" // 40 unless set
	sessionRate  = "PARLEY_SESSION_RATE"  // signals a second, each way: 10 unless set
)

// sized returns a variable's number, and one that suits a small machine where it is not set.
func sized(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%s is no number", variable, v)
	}
	return n
}

// pairs are couples on a site.
type pairs struct {
	*couples.Couples

	site *site
}

// awaitSessions waits until the room service records sessions as resumable: until its replicas know that each of them can read that.
func awaitSessions(t *testing.T, s *site) {
	t.Helper()
	truth := s.truth(t)
	c := testkit.DialWith(t, s.url(), &testkit.Options{Key: testkit.NewKey(), Turn: 1})
	harness.Await(t, "sessions are recorded as resumable", func() bool {
		room := fresh(t)
		want(t, c.Create(t, room), proto.RoomCreated)
		r, _, err := truth.Journal(t.Context(), room)
		want(t, c.Leave(t, room), proto.RoomLeft)
		return err == nil && r != nil && len(r.Members) == 1 && r.Members[0].Turn == 1
	})
	c.Close()
}

// newPairs starts n couples on a site.
func newPairs(t *testing.T, s *site, n int) *pairs {
	t.Helper()
	awaitSessions(t, s)
	rate := sized(t, sessionRate, 10)
	return &pairs{site: s, Couples: couples.Start(t, s.urls, n, rate, testkit.SessionOptions{}, func() proto.Room { return fresh(t) })}
}

// finish holds what happened against the promises, and the rooms against the journal.
func (c *pairs) finish(t *testing.T, why couples.Cause) {
	t.Helper()
	c.Finish(t, why)
	truth := c.site.truth(t)
	for _, p := range c.All {
		members, _, err := truth.Members(t.Context(), p.Room)
		if want := []proto.ClientID{p.Two[0].ID(), p.Two[1].ID()}; err != nil || !slices.Equal(members, want) {
			t.Errorf("room %q: the members are %v, %v; expected %v", p.Room, members, err, want)
		}
	}
}
