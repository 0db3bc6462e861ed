package proto

import (
	_ "embed"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed testdata/golden.json
var goldenFile []byte

// golden is every shape on the wire. The JavaScript tests read the same file.
var golden = func() (g struct {
	Frames        []wire        `json:"frames"`
	LenientFrames []wire        `json:"lenientFrames"`
	BadFrames     []wire        `json:"badFrames"`
	Events        []wire        `json:"events"`
	Requests      []wire        `json:"requests"`
	Records       []wire        `json:"records"`
	NewerRecords  []wire        `json:"newerRecords"`
	Beats         []wire        `json:"beats"`
	Checks        []wire        `json:"checks"`
	Keys          []goldenKey   `json:"keys"`
	BadKeys       []goldenKey   `json:"badKeys"`
	Stays         []wire        `json:"stays"`
	Pushes        []wire        `json:"pushes"`
	Peers         []wire        `json:"peers"`
	Tokens        []goldenToken `json:"tokens"`
	BadTokens     []Token       `json:"badTokens"`
	Ranking       []goldenRank  `json:"ranking"`
	Subjects      []struct {
		What    string `json:"what"`
		Subject string `json:"subject"`
	} `json:"subjects"`
},
) {
	if err := json.Unmarshal(goldenFile, &g, json.RejectUnknownMembers(true)); err != nil {
		panic(err)
	}
	return g
}()

// wire is one payload, and what a test needs to know about it.
type wire struct {
	What  string `json:"what"`
	Wire  string `json:"wire"`
	By    string `json:"by"`    // events: gateway or replica
	Op    Op     `json:"op"`    // requests
	Seq   uint64 `json:"seq"`   // records: where it stands in the stream
	Event string `json:"event"` // records: what members are told of it
	Room  Room   `json:"room"`  // bad frames: what the answer can still say
	Ref   string `json:"ref"`
}

type goldenKey struct {
	What     string   `json:"what"`
	Key      string   `json:"key"` // as a subprotocol has it, behind [KeyProtocol]
	ClientID ClientID `json:"clientId"`
}

type goldenToken struct {
	Room  Room  `json:"room"`
	Token Token `json:"token"`
}

type goldenRank struct {
	Room   Room                 `json:"room"`
	Token  Token                `json:"token"`
	Scores map[ReplicaID]string `json:"scores"`
	Ranked []ReplicaID          `json:"ranked"`
}

// each runs a subtest for each golden payload.
func each(t *testing.T, of []wire, f func(t *testing.T, w wire)) {
	t.Helper()
	if len(of) == 0 {
		t.Fatal("there are none in testdata/golden.json")
	}
	for _, w := range of {
		t.Run(w.What, func(t *testing.T) {
			t.Parallel()
			f(t, w)
		})
	}
}

func TestFramesReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Frames, func(t *testing.T, w wire) {
		f, err := DecodeFrame([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendFrame(nil, &f)); got != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", got, w.Wire)
		}
	})
}

func TestEventsReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Events, func(t *testing.T, w wire) {
		e, err := DecodeEvent([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendEvent(nil, &e)); got != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", got, w.Wire)
		}
		ref := (&Frame{Ref: e.Ref, HasRef: e.Ref != ""}).QuotedRef()
		e.Ref = ""
		if got := string(AppendRef([]byte("kept"), AppendEvent(nil, &e), ref)); got != "kept"+w.Wire {
			t.Errorf("with its ref appended:\n%s\ngolden:\n%s", got, w.Wire)
		}
	})
}

func TestRequestsReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Requests, func(t *testing.T, w wire) {
		r, err := DecodeRequest(w.Op, []byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendRequest(nil, w.Op, &r)); got != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", got, w.Wire)
		}
	})
}

func TestRecordsReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Records, func(t *testing.T, w wire) {
		r, err := DecodeRecord([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		got := AppendRecord(nil, &r)
		if Compact([]byte(w.Wire)) {
			got = AppendCompact(nil, &r, PackMembers(r.Members))
			head, pack, err := new(RecordDecoder).DecodeHead([]byte(w.Wire))
			e := head.Event(w.Seq, found(&r))
			if told := string(AppendEvent(nil, &e)); err != nil || told != w.Event || pack.Count != len(r.Members) {
				t.Errorf("the head is read as %+v with %d members, %v", head, pack.Count, err)
			}
		}
		if string(got) != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", got, w.Wire)
		}
		e := r.Event(w.Seq, found(&r))
		if got := string(AppendEvent(nil, &e)); got != w.Event {
			t.Errorf("told as:\n%s\ngolden:\n%s", got, w.Event)
		}
		for i, m := range r.Members {
			if got := r.Member(m.ID); got != i {
				t.Errorf("member %d is found at %d", i, got)
			}
		}
		if r.Member("nobody") != -1 {
			t.Error("nobody is found")
		}
	})
}

func TestARecordOfANewerFormIsToldFromABrokenOne(t *testing.T) {
	t.Parallel()
	each(t, golden.NewerRecords, func(t *testing.T, w wire) {
		if r, err := DecodeRecord([]byte(w.Wire)); !errors.Is(err, ErrRecordForm) || !errors.Is(err, ErrRecord) {
			t.Errorf("read as %+v, %v", r, err)
		}
	})
}

func TestBeatsReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Beats, func(t *testing.T, w wire) {
		b, err := DecodeBeat([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b.Encode()); got != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", got, w.Wire)
		}
	})
}

func TestChecksReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Checks, func(t *testing.T, w wire) {
		c, err := DecodeCheck([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		pages := EncodeChecks(&c)
		if len(pages) != 1 || string(pages[0]) != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", pages, w.Wire)
		}
	})
}

func TestStaysReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Stays, func(t *testing.T, w wire) {
		s, err := DecodeStays(w.Wire)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendStays(nil, s.Before, membersOf(&s), everybody)); got != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", got, w.Wire)
		}
	})
}

func TestPushesReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Pushes, func(t *testing.T, w wire) {
		p, err := DecodePush([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendPush(nil, &p)); got != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", got, w.Wire)
		}
	})
}

func TestPeersReadAndWriteAsTheGoldenOnes(t *testing.T) {
	t.Parallel()
	each(t, golden.Peers, func(t *testing.T, w wire) {
		p, err := DecodePeer([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendPeer(nil, &p)); got != w.Wire {
			t.Errorf("written again:\n%s\ngolden:\n%s", got, w.Wire)
		}
	})
}

func TestTokensAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	for _, g := range golden.Tokens {
		if got := g.Room.Token(); got != g.Token {
			t.Errorf("%q has the token %q, golden %q", g.Room, got, g.Token)
		}
		if got, err := ParseToken(g.Token); err != nil || got != g.Room {
			t.Errorf("the token %q is the room %q, %v, golden %q", g.Token, got, err, g.Room)
		}
	}
	for _, token := range golden.BadTokens {
		if room, err := ParseToken(token); err == nil {
			t.Errorf("the token %q, which no room has, is the room %q", token, room)
		}
	}
}

func TestRankingIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	for _, g := range golden.Ranking {
		if g.Room.Token() != g.Token {
			t.Errorf("%q has the token %q, golden %q", g.Room, g.Room.Token(), g.Token)
		}
		var replicas []ReplicaID
		for id, score := range g.Scores {
			replicas = append(replicas, id)
			if got := strconv.FormatUint(Score(id, g.Token), 10); got != score {
				t.Errorf("%s for %q scores %s, golden %s", id, g.Room, got, score)
			}
		}
		if got := Rank(replicas, g.Token); !slices.Equal(got, g.Ranked) {
			t.Errorf("%q ranks %v, golden %v", g.Room, got, g.Ranked)
		}
		if got := First(replicas, g.Token); got != g.Ranked[0] {
			t.Errorf("%q ranks %s first, golden %s", g.Room, got, g.Ranked[0])
		}
	}
}

// found returns the member that a record's change is about, or nil.
func found(r *Record) *Member {
	if i := r.Member(r.Change.ID); i >= 0 {
		return &r.Members[i]
	}
	return nil
}

func TestEveryEventHasAGoldenShape(t *testing.T) {
	t.Parallel()
	have := map[Name]bool{}
	for _, w := range golden.Frames {
		f, err := DecodeFrame([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		have[f.Name] = true
	}
	for _, w := range golden.Events {
		e, err := DecodeEvent([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		have[e.Name] = true
	}
	for _, n := range []Name{
		RoomCreate, RoomJoin, RoomLeave, SignalSend, Ping, Connected, Pong, RoomCreated, RoomExists, RoomJoined,
		RoomNotExists, RoomLeft, NotInRoom, TargetNotFound, SignalSent, SignalReceive, ClientJoined, ClientLeft,
		RoomClosed, Error, Roster, Rooms, RoomEnter, RoomClose, Resume, SignalHeld, Resumed, Live, ClientAway, ClientBack, Fenced, PushIt,
		MemberUpdate, RoomKick, RoomBan, RoomUnban, RoomUpdate, RoomTransfer, RoomRoster, RoomKnock, RoomAdmit, RoomRefuse, TokenRenew,
		MemberUpdated, RoomUpdated, ClientKicked, ClientBanned, ClientUnbanned, ClientAdmitted, ClientRefused, ClientKnocked, KnockPending,
		KnockAdmitted, KnockRefused, TokenExpiring, TokenAccepted, Revoked,
	} {
		if !have[n] {
			t.Errorf("testdata/golden.json has no %s", n)
		}
	}
	for _, kind := range []PeerKind{Pushed, Confirm, Ask, Told, HandOver, HandedOver, Away} {
		if !slices.ContainsFunc(golden.Peers, func(w wire) bool { p, _ := DecodePeer([]byte(w.Wire)); return p.Kind == kind }) {
			t.Errorf("testdata/golden.json has no %s", kind)
		}
	}
	for _, op := range Ops() {
		if !slices.ContainsFunc(golden.Requests, func(w wire) bool { return w.Op == op }) {
			t.Errorf("testdata/golden.json has no request %s", op)
		}
	}
}

func TestGoldenPayloadsAreCompactJSON(t *testing.T) {
	t.Parallel()
	all := slices.Concat(golden.Frames, golden.Events, golden.Requests, golden.Records, golden.Beats, golden.Checks,
		golden.Stays, golden.Pushes, golden.Peers)
	for _, w := range all {
		v := jsontext.Value(w.Wire)
		if err := v.Compact(); err != nil || string(v) != w.Wire {
			t.Errorf("%s: %v, compact it is\n%s", w.What, err, v)
		}
	}
}
