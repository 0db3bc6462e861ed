package replicas_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/replicas"
	"github.com/parley-rtc/parley/testkit"
)

// A replica that knows form 2 and not form 3 cares for rooms in form 2 as it always has, and those in form 3 are the others'.
func TestEachFormIsCaredForByThoseWhoKnowIt(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	p := run(t, n)
	p.Say(proto.Up)
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	nc := n.Connect(t)
	beat := proto.Beat{Role: proto.RoleRoomsvc, ID: string(proto.NewReplicaID()), State: proto.Up, Record: 2}
	const rooms = 40
	testkit.WaitFor(t, "both to care for rooms in form 2, and one for those in form 3", func() bool {
		if err := nc.Publish(subjects.Beat(beat.Role, beat.ID), beat.Encode()); err != nil {
			t.Fatal(err)
		}
		var first [proto.RecordForm + 1]int
		for i := range rooms {
			for form := 1; form <= 3; form++ {
				if p.First(proto.Room(rune('A'+i)).Token(), form) {
					first[form]++
				}
			}
		}
		return first[1] == first[2] && first[2] > 0 && first[2] < rooms && first[3] == rooms && p.Form() == 2
	})
}

// As long as some replicas may not have been heard, form 1 is a guess.
func TestThatSomeMayNotHaveBeenHeardIsSaid(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	early := run(t, n, func(c *replicas.Config) { c.Timings.Missed = time.Minute })
	early.Say(proto.Up)
	if !early.Early() || early.Form() != 1 {
		t.Errorf("form %d, early: %t", early.Form(), early.Early())
	}
	p := run(t, n, func(c *replicas.Config) { c.Form = 1 })
	testkit.WaitFor(t, "all to have been heard", func() bool { return !p.Early() })
	if p.Form() != 1 {
		t.Errorf("form %d is written by one that is set to form 1", p.Form())
	}
}
