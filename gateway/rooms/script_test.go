package rooms_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

var update = flag.Bool("update", false, "write what the scripts lead to into testdata")

// TestScripts runs testdata/*.txt: what happens, one thing a line, then "----", then what is to be done about each.
//
//	open CLIENT
//	create|join|leave CLIENT ROOM [joined=REQUEST] [silent]   the request begins: it is CLIENT-1, CLIENT-2, ...
//	... [full] [shows=USER]                                   of a create, join or enter: what others are to see of the client
//	answer CLIENT [of=N] [bears=REQUEST] EVENT                the answer to its present request, or to its N-th
//	giveup|ended|departed|unsettled CLIENT
//	event EVENT [message=WORD]
//	signal CLIENT EVENT                                       it is to be answered at R1, R2, ...
//	refused CLIENT EVENT
//	check ROOM SEQ [CLIENT=REQUEST ...]
//	roster N EVENT
//	noroster N
//	dismissed CLIENT ROOM joined=REQUEST
//	fenced CLIENT ROOM
//	compare REASON
//	pass SECONDS                                              and a tick
//
// A CLIENT ann.2 is the second turn of the session ann, which is kept for 30 s. What script_session_test.go says besides is of such
// sessions. An EVENT is its JSON. Answers, events and rosters may carry stay=ID@GATEWAY/TURN/SINCE for each member that is resumable, and
// before=GATEWAY.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(data), "----\n")
			got := newStage(t).run(script)
			if *update {
				if err := os.WriteFile(file, []byte(script+"----\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nexpected\n%s", got, want)
			}
		})
	}
}

// stage is a core with the clients of a script.
type stage struct {
	t       *testing.T
	core    *rooms.Core
	now     int64
	clients map[string]*rooms.Client
	asked   map[string]uint64
	replies int
}

const second = 1_000_000_000

func newStage(t *testing.T) *stage {
	t.Helper()
	return &stage{
		t: t, clients: make(map[string]*rooms.Client), asked: make(map[string]uint64),
		core: rooms.New(rooms.Config{
			Missed: 12 * second, Remember: 60 * second, Repeats: 4 * second, Many: 4, MaxRosters: 2,
			MaxKept: 64 << 10, MaxKeptOne: 8 << 10, Self: "g1",
		}),
	}
}

func (x *stage) run(script string) string {
	x.t.Helper()
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fmt.Fprintf(&out, "%s\n", line)
		in := x.parse(line)
		in.Now = x.now
		for _, o := range x.core.Step(&in) {
			fmt.Fprintf(&out, "  %s\n", show(&o))
		}
	}
	return out.String()
}

// parse reads a line of a script.
func (x *stage) parse(line string) rooms.In {
	x.t.Helper()
	words := strings.Fields(line)
	in := rooms.In{Event: x.event(line)}
	name := func() string {
		if len(words) < 2 {
			x.t.Fatalf("%q is about nobody", line)
		}
		return words[1]
	}
	switch words[0] {
	case "open":
		x.clients[name()] = x.open(name())
		in.Kind = rooms.Open
	case "create", "join", "leave", "enter", "close", "resume":
		in.Kind, in.Ask = rooms.Begin, x.ask(words)
	case "answer":
		in.Kind, in.Ask = rooms.Answer, x.present(name())
		for _, w := range words[2:] {
			if of, ok := strings.CutPrefix(w, "of="); ok {
				in.Ask.Num = x.number(of)
				in.Ask.ID = proto.RequestID(name() + "-" + of)
			} else if bears, ok := strings.CutPrefix(w, "bears="); ok {
				in.Bears = proto.RequestID(bears)
			}
		}
	case "giveup":
		in.Kind, in.Ask = rooms.GiveUp, x.present(name())
	case "ended":
		in.Kind = rooms.Ended
	case "departed", "unsettled":
		in.Kind, in.Settled = rooms.Departed, words[0] == "departed"
	case "event":
		in.Kind = rooms.Event
	case "signal":
		x.replies++
		in.Kind, in.To, in.Reply = rooms.Signal, proto.ClientID(name()), "R"+strconv.Itoa(x.replies)
	case "refused":
		in.Kind = rooms.Refused
	case "check":
		in.Kind, in.Check = rooms.Check, &proto.CheckRoom{Room: proto.Room(name()), Seq: x.number(words[2])}
		for _, w := range words[3:] {
			id, request, _ := strings.Cut(w, "=")
			in.Check.Members = append(in.Check.Members, proto.CheckMember{ID: proto.ClientID(id), Request: proto.RequestID(request)})
		}
	case "roster":
		in.Kind, in.Num = rooms.Roster, x.number(name())
	case "noroster":
		in.Kind, in.Num = rooms.NoRoster, x.number(name())
	case "dismissed":
		in.Kind, in.Ask = rooms.Dismissed, rooms.Ask{Room: proto.Room(words[2]), Joined: proto.RequestID(values(words)["joined"])}
	case "fenced":
		in.Kind, in.Ask = rooms.Fenced, rooms.Ask{Room: proto.Room(words[2])}
	case "compare":
		in.Kind, in.Why = rooms.CompareAll, rooms.Reason(name())
	case "pass":
		in.Kind = rooms.Tick
		x.now += int64(x.number(name())) * second // small
	default:
		if !x.parseSession(&in, words) {
			x.t.Fatalf("what is %q?", line)
		}
	}
	in.Stays, in.Message = x.stays(words), values(words)["message"]
	if len(words) > 1 {
		in.Client = x.clients[words[1]]
	}
	return in
}

func (x *stage) event(line string) *proto.Event {
	x.t.Helper()
	i := strings.IndexByte(line, '{')
	if i < 0 {
		return nil
	}
	e, err := proto.DecodeEvent([]byte(line[i:]))
	if err != nil {
		x.t.Fatal(err)
	}
	return &e
}

func (x *stage) number(word string) uint64 {
	x.t.Helper()
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		x.t.Fatal(err)
	}
	return n
}

// ask makes the next request of a client.
func (x *stage) ask(words []string) rooms.Ask {
	x.asked[words[1]]++
	a := x.present(words[1])
	a.Op, a.Room, a.Ref = proto.Op(words[0]), proto.Room(words[2]), strconv.FormatUint(a.Num, 10)
	for _, w := range words[3:] {
		if joined, ok := strings.CutPrefix(w, "joined="); ok {
			a.Joined = proto.RequestID(joined)
		} else if w == "silent" {
			a.Silent = true
		} else if w == "full" {
			a.Full = true
		} else if user, ok := strings.CutPrefix(w, "shows="); ok {
			a.Shows = &proto.More{User: user}
		}
	}
	x.resume(&a, words)
	return a
}

func (x *stage) present(name string) rooms.Ask {
	n := x.asked[name]
	return rooms.Ask{Num: n, ID: proto.RequestID(name + "-" + strconv.FormatUint(n, 10))}
}

// show says what is to be done.
func show(o *rooms.Out) string {
	var to []string
	for _, c := range o.To {
		to = append(to, nameOf(c))
	}
	who := strings.Join(to, ",")
	event := ""
	if o.Event != nil {
		event = string(proto.AppendEvent(nil, o.Event))
	}
	switch o.Kind {
	case rooms.Member:
		return fmt.Sprintf("%s is in %s by %s", who, o.Room, o.Joined)
	case rooms.Parted:
		return fmt.Sprintf("%s is not in %s", who, o.Room)
	case rooms.Disowned:
		return fmt.Sprintf("%s owns %s no more", who, o.Room)
	case rooms.Tell:
		lazily := ""
		if o.Lazy > 0 {
			lazily = " lazily"
		}
		if o.Ref != "" {
			return fmt.Sprintf("answer %s (ref %s): %s", who, o.Ref, event)
		}
		return fmt.Sprintf("tell %s%s: %s", who, lazily, event)
	case rooms.Deliver:
		return fmt.Sprintf("deliver to %s, confirm at %s: %s", who, o.Reply, event)
	case rooms.Ack:
		return fmt.Sprintf("ack at %s: %s %s %s", o.Reply, o.Name, o.Room, o.ID)
	case rooms.Resolve:
		return fmt.Sprintf("%s-%d is %s", who, o.Num, [...]string{"unavailable", "ok", "declined"}[o.Outcome])
	case rooms.AskRoster:
		return fmt.Sprintf("ask for roster %d of %s because of %q", o.Num, o.Room, string(o.Why))
	case rooms.LeaveStranger:
		return fmt.Sprintf("leave %s for the stranger %s, if it joined by %s", o.Room, o.ID, o.Joined)
	case rooms.QueueLeave:
		return fmt.Sprintf("have %s leave %s, what joined by %q", who, o.Room, string(o.Joined))
	case rooms.Dropped:
		return fmt.Sprintf("%d were dropped", o.Num)
	case rooms.Forget:
		return "forget " + who
	default:
		return showSession(o, who)
	}
}
