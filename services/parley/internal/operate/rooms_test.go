package operate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/proto"
)

func TestRoomsListsEveryRoomOnceOverManyPages(t *testing.T) {
	t.Parallel()
	w := one(t)
	if out := w.parley("rooms").ok(t); out != "There are no rooms.\n" {
		t.Errorf("without rooms: %q", out)
	}
	const n = proto.MaxList + 5
	want := map[proto.Room]proto.ClientID{}
	for i := range n {
		room := proto.Room(fmt.Sprintf("room %d", i))
		want[room] = w.fill(room, 1)[0]
	}
	table := strings.Split(w.parley("rooms").ok(t), "\n")
	if len(table) != n+4 || !strings.HasPrefix(table[0], "ROOM ") || table[n+2] != "1,005 rooms, 1,005 members" {
		t.Errorf("%d lines, the first %q, the last %q", len(table), table[0], table[len(table)-2:])
	}
	last := proto.Room("")
	for line := range strings.Lines(w.parley("rooms", "--json").ok(t)) {
		r := decode[proto.RoomInfo](t, line)
		if r.Room <= last || want[r.Room] != r.OwnerID || r.Members != 1 || r.Seq == 0 {
			t.Fatalf("after %q: %+v", last, r)
		}
		last = r.Room
		delete(want, r.Room)
	}
	if len(want) > 0 {
		t.Errorf("%d rooms are not listed", len(want))
	}
}

func TestRoomShowsItsMembersInOrderAndWhoServesIt(t *testing.T) {
	t.Parallel()
	w := one(t)
	name := proto.Room("Küche, 2. Stock")
	ids := w.fill(name, 3)
	v := decode[roomView](t, w.parley("room", string(name), "--json").ok(t))
	if v.Room != name || v.Token != name.Token() || v.OwnerID != ids[0] || fmt.Sprint(v.Clients) != fmt.Sprint(ids) ||
		v.Seq == 0 || v.First != w.replicas[0] || v.Replicas != 1 || v.Trouble != "" {
		t.Errorf("%+v", v)
	}
	want := fmt.Sprintf("Room      %q\nToken     %s\nOwner     %s\nSeq       %d\nReplica   %s, first of 1\nMembers   3\n"+
		"      1   %s\n      2   %s\n      3   %s\n", name, name.Token(), ids[0], v.Seq, w.replicas[0], ids[0], ids[1], ids[2])
	if out := w.parley("room", string(name)).ok(t); out != want {
		t.Errorf("printed:\n%s\nexpected:\n%s", out, want)
	}
	w.parley("room", "nowhere").failed(t, 1, "no such room", "nowhere")
}
