package ask

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// deaf is a NATS that nobody answers over.
type deaf struct {
	mu    sync.Mutex
	asked []proto.ReplicaID
}

func (d *deaf) PublishMsg(m *nats.Msg) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, proto.ReplicaID(strings.Split(m.Subject, ".")[2]))
	return nil
}

// Whoever embeds a gateway may say which replica is asked first. All are asked nevertheless.
func TestReplicasAreAskedInTheOrderOfRank(t *testing.T) {
	t.Parallel()
	backwards := func(replicas []proto.ReplicaID, _ proto.Room) []proto.ReplicaID {
		slices.Reverse(replicas)
		return replicas
	}
	for name, c := range map[string]struct {
		rank func([]proto.ReplicaID, proto.Room) []proto.ReplicaID
		want []proto.ReplicaID
	}{
		"all": {backwards, []proto.ReplicaID{"c", "b", "a"}},
		"one": {func([]proto.ReplicaID, proto.Room) []proto.ReplicaID { return []proto.ReplicaID{"b"} }, append(
			[]proto.ReplicaID{"b"}, without(proto.Rank([]proto.ReplicaID{"a", "b", "c"}, proto.Room("lobby").Token()), "b")...)},
		"none": {
			func([]proto.ReplicaID, proto.Room) []proto.ReplicaID { return nil },
			proto.Rank([]proto.ReplicaID{"a", "b", "c"}, proto.Room("lobby").Token()),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				subjects, err := proto.NewSubjects("")
				if err != nil {
					t.Fatal(err)
				}
				r := NewRanking()
				for _, id := range []string{"a", "b", "c"} {
					r.Beat(proto.Beat{Role: proto.RoleRoomsvc, ID: id, State: proto.Up}, time.Now())
				}
				nobody := &deaf{}
				k := New(nobody, Config{
					Gateway: "g", Subjects: subjects, Ranking: r, Silence: time.Second, BackoffMin: time.Second, BackoffMax: time.Second, Rank: c.rank,
				})
				k.Run(&Ask{
					Ask: rooms.Ask{Op: proto.OpJoin, Room: "lobby", ID: "r"}, Deadline: time.Now().Add(3 * time.Second), Wake: make(chan struct{}, 1),
				}, NewSender())
				if !slices.Equal(nobody.asked, c.want) {
					t.Errorf("asked %v, expected %v", nobody.asked, c.want)
				}
				if live := r.Replicas(); !slices.Equal(live, []proto.ReplicaID{"a", "b", "c"}) {
					t.Errorf("the ranking itself was reordered: %v", live)
				}
			})
		})
	}
}

func without(list []proto.ReplicaID, id proto.ReplicaID) []proto.ReplicaID {
	return slices.DeleteFunc(list, func(x proto.ReplicaID) bool { return x == id })
}
