package operate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

func TestStatusCountsEachReplicasShareAndWhatGatewaysHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.StartNATS(t, testkit.Listen()).URL(), 2, roomsvc.Config{Memory: true})
	want := map[proto.ReplicaID]uint64{}
	for i := range 40 {
		room := proto.Room(fmt.Sprintf("room %d", i))
		w.fill(room, 1+i%2)
		want[proto.First(w.replicas, room.Token())]++
	}
	w.beat(proto.Beat{Role: proto.RoleGateway, ID: string(gatewayID), State: proto.Up, Load: &proto.Load{Sessions: 61, Rooms: 40}})
	w.beat(proto.Beat{Role: proto.RoleGateway, ID: "recorder", State: proto.Leaving})
	w.stray()

	v := decode[statusView](t, w.parley("status", "--json").ok(t))
	if v.Troubles != (troubles{}) || v.NATS.Server != "testkit" || v.NATS.Version == "" || v.Prefix != "parley" {
		t.Errorf("%+v", v)
	}
	if v.Rooms == nil || *v.Rooms != (roomsView{Rooms: 40, Members: 60, Complete: true}) {
		t.Errorf("rooms: %+v", v.Rooms)
	}
	if len(v.Replicas) != 2 {
		t.Fatalf("replicas: %+v", v.Replicas)
	}
	for i, r := range v.Replicas {
		if r.ID != w.replicas[i] || r.State != "up" || r.Rooms != want[r.ID] || r.Started.IsZero() {
			t.Errorf("replica %d: %+v, expected %s with %d rooms", i, r, w.replicas[i], want[w.replicas[i]])
		}
	}
	if len(v.Gateways) != 2 || v.Gateways[0].ID != string(gatewayID) || v.Gateways[0].State != "up" ||
		v.Gateways[0].Sessions == nil || *v.Gateways[0].Sessions != 61 || *v.Gateways[0].Rooms != 40 ||
		v.Gateways[1].ID != "recorder" || v.Gateways[1].State != "leaving" || v.Gateways[1].Sessions != nil {
		t.Errorf("gateways: %+v", v.Gateways)
	}
	if s := v.Stream; s == nil || s.Name != "PARLEY" || s.Storage != "memory" || s.Copies != 1 || s.Records != 40 ||
		s.LastSeq != 60 || s.Bytes == 0 || s.Leader != "testkit" || len(s.Others) != 0 {
		t.Errorf("stream: %+v", v.Stream)
	}
}

// stray publishes what status has to pass over.
func (w *world) stray() {
	w.t.Helper()
	w.beatAs("somebody-else", proto.Beat{Role: proto.RoleGateway, ID: "liar", State: proto.Up})
	sub, err := w.nc.Subscribe(microStats, func(m *nats.Msg) { // another deployment's replica
		_ = m.Respond([]byte(`{"name":"parley-roomsvc","metadata":{"replica":"stranger"},"endpoints":[{"subject":"other.rooms.roster"}]}`))
		_ = m.Respond([]byte(`not JSON`))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = sub.Unsubscribe() })
}

func TestStatusShowsTheStreamsLeaderAndCopiesOfACluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.StartCluster(t, 3).Servers[0].URL(), 1, roomsvc.Config{Replicas: 3})
	w.fill("lobby", 2)
	v := decode[statusView](t, w.parley("status", "--json").ok(t))
	if v.NATS.Cluster != "testkit" || v.Stream == nil {
		t.Fatalf("%+v", v)
	}
	servers := map[string]bool{v.Stream.Leader: true}
	for _, o := range v.Stream.Others {
		servers[o.Server] = true
	}
	if s := v.Stream; s.Copies != 3 || s.Storage != "file" || len(servers) != 3 || servers[""] {
		t.Errorf("%+v", s)
	}
	text := w.parley("status").ok(t)
	for _, want := range []string{
		"Rooms   1 room, 2 members\n", "on files, 3 copies, leader testkit-", "\nREPLICA ", "\nSTREAM ON ",
		"100.0 %", "Gateways: none beats", string(w.replicas[0]) + "  up ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not stand in\n%s", want, text)
		}
	}
}

func TestStatusReadsWell(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sessions, away, rooms := uint64(1204), uint64(12), uint64(310)
	v := &statusView{
		NATS: serverView{"n1", "parley", "2.15.2", 0.42}, Prefix: "parley",
		Rooms: &roomsView{Rooms: 1300, Members: 3900, Complete: true},
		Replicas: []replicaView{
			{ID: "r1", State: "up", Started: now.Add(-26 * time.Hour), Rooms: 650},
			{ID: "r2", State: "up", Rooms: 650},
			{ID: "r3", State: "leaving", Started: now.Add(-95 * time.Second)},
		},
		Gateways: []gatewayView{{"g1", "up", &sessions, &away, &rooms}, {"recorder", "up", nil, nil, nil}},
		Stream: &streamView{
			Name: "PARLEY", Storage: "file", Copies: 3, Records: 1400, Bytes: 1 << 20, LastSeq: 83113, Leader: "n2",
			Others: []peerView{{"n1", true, false, 0, 0.12}, {"n3", false, true, 1512, 43}},
		},
	}
	want := `NATS    n1 of the cluster parley, version 2.15.2, 0.4 ms there and back
Prefix  parley
Rooms   1,300 rooms, 3,900 members
Stream  PARLEY: 1,400 records, 1.0 MiB, last sequence 83113, on files, 3 copies, leader n2

REPLICA  STATE    ROOMS   SHARE  UP FOR
r1       up         650  50.0 %   1d 2h
r2       up         650  50.0 %       –
r3       leaving      0       –  1m 35s

GATEWAY   STATE  SESSIONS  AWAY  ROOMS
g1        up        1,204    12    310
recorder  up            –     –      –

STREAM ON  STATE      LAG  HEARD AGO
n2         leader       –          –
n1         current      0      0.1 s
n3         offline  1,512     43.0 s
`
	if got := v.text(now); got != want {
		t.Errorf("printed:\n%s\nexpected:\n%s", got, want)
	}
}

func TestReplicasThatAnswerAndDoNotBeatAreCalledSilent(t *testing.T) {
	t.Parallel()
	p := &processes{
		beats: map[string]proto.Beat{
			"b": {Role: proto.RoleRoomsvc, ID: "b", State: proto.Leaving}, "c": {Role: proto.RoleRoomsvc, ID: "c", State: proto.Up},
		},
		facts: map[proto.ReplicaID]facts{"a": {}, "c": {}},
	}
	var got []string
	for _, r := range p.replicas() {
		got = append(got, string(r.ID)+" "+r.State)
	}
	if want := "[a silent b leaving c up]"; fmt.Sprint(got) != want || fmt.Sprint(p.up()) != "[c]" {
		t.Errorf("%v, expected %s; up: %v", got, want, p.up())
	}
}

func TestWhatJetStreamRefusesIsSaidInWords(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{"error":{"code":404,"err_code":10059,"description":"stream not found"}}`:                         "there is no stream PARLEY",
		`{"error":{"code":503,"err_code":10039,"description":"JetStream not enabled for account"}}`:        "not open to this login",
		`{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}`: "temporarily",
		`nonsense`: "cannot be read",
	} {
		if v, err := readStream("PARLEY", []byte(answer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", answer, v, err)
		}
	}
}
