//go:build containers

package containers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/couples"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// What a rolling replacement is put to: so many pairs of resumable sessions,
// each of which sends so many signals a second.
const (
	resumablePairs = 50
	resumableRate  = 4
	liveWithin     = 3 * time.Second
)

func TestARollingReplacementUnderResumableSessionsLosesNothing(t *testing.T) {
	d := up(t)
	d.recorded(t)
	rooms := 0
	c := couples.Start(t, []string{d.url}, resumablePairs, resumableRate, testkit.SessionOptions{Options: testkit.Options{Token: d.token}}, func() proto.Room {
		rooms++
		return proto.Room(fmt.Sprintf("resumable-%d", rooms))
	})
	c.Unsaid = true // while a NATS server is replaced, another is elected
	for _, service := range []string{
		"roomsvc1", "gateway1", "roomsvc2", "gateway2", "nats1", "nats2", "nats3", "gateway1", "gateway2",
	} {
		began := time.Now()
		d.replace(t, service)
		c.Live(t, "after "+service+" was replaced")
		t.Logf("%s replaced, everybody is live after %v", service, time.Since(began))
	}
	took := c.Finish(t, couples.Never)
	if len(took) < 2*resumablePairs {
		t.Errorf("%d times somebody came back: the gateways were not replaced under them", len(took))
	}
	if n := len(took); n > 0 && took[n-1] > liveWithin {
		t.Errorf("the slowest was live %v after its connection had ended, %v are allowed", took[n-1], liveWithin)
	}
}

// recorded waits until room services record sessions as resumable: once each
// knows that the other can read that. A session that resumes its room shows it.
func (d *deployment) recorded(t *testing.T) {
	t.Helper()
	tries := 0
	await(t, "sessions are recorded as resumable", func() bool {
		tries++
		key, room := testkit.NewKey(), proto.Room(fmt.Sprintf("recorded-%d", tries))
		first := testkit.DialWith(t, d.url, &testkit.Options{Key: key, Turn: 1, Token: d.token})
		if e := first.Create(t, room); e.Name != proto.RoomCreated {
			t.Fatalf("created: %+v", e)
		}
		first.Abort()
		second := testkit.DialWith(t, d.url, &testkit.Options{Key: key, Turn: 2, Token: d.token})
		defer second.Close()
		return second.Resume(t, room, first.Heard(room)).Name == proto.Resumed
	})
}
