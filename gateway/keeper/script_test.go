package keeper_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/proto"
)

var update = flag.Bool("update", false, "write what the scripts lead to into testdata")

// TestScripts runs testdata/*.txt: what happens at gateway G1, one thing a line, then "----", then what is to be done about each. All of it is in
// one room. A word in brackets may be left out.
//
//	bound pair=N bytes=N sender=N address=N kept=N            first of all: how much may be kept
//	here CLIENT turn=N since=N [before=GATEWAY seq=N] [fresh] [conn=N] [address=ADDRESS]
//	nothere CLIENT [gateway=GATEWAY turn=N since=N]
//	closed CLIENT turn=N
//	send CLIENT TARGET n=N [ref=REF] [turn=N] [size=N] [conn=N] [at=GATEWAY,TURN,SINCE]   where the target is
//	stay MEMBER GATEWAY,TURN,SINCE                            or "left MEMBER"
//	compared SEQ [MEMBER=GATEWAY,TURN,SINCE ...]
//	pushed CLIENT TARGET STATE n=N turn=N since=N [gateway=GATEWAY]
//	confirm CLIENT TARGET n=N turn=N since=N
//	ask TARGET from=GATEWAY turn=N since=N [fresh] [CLIENT=N ...]   the last that it has heard of each
//	handover CLIENT from=GATEWAY turn=N [fresh] [of=N]
//	handedover JSON
//	pass MILLISECONDS                                         and a pulse
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
			got := (&stage{t: t, now: second}).run(script)
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

const second = 1_000_000_000

// stage is the keeper of a script.
type stage struct {
	t      *testing.T
	keeper *keeper.Keeper
	now    int64
	num    uint64
}

func (x *stage) run(script string) string {
	x.t.Helper()
	var out bytes.Buffer
	cfg := keeper.Config{Self: "G1"}
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		w := x.words(line)
		if w.verb == "bound" {
			cfg.MaxPair, cfg.MaxPairBytes, cfg.MaxSender = int(w.number("pair")), int(w.number("bytes")), int(w.number("sender"))
			cfg.MaxAddress, cfg.MaxKept = int(w.number("address")), int(w.number("kept"))
			continue
		}
		if x.keeper == nil {
			x.keeper = keeper.New(cfg)
		}
		fmt.Fprintf(&out, "%s\n", line)
		in := x.parse(w)
		in.Room, in.Now = lobby, x.now
		if in.Say != nil {
			in.Say.Room = lobby
		}
		for _, o := range x.keeper.Step(&in) {
			fmt.Fprintf(&out, "  %s\n", display(&o))
		}
	}
	signals, size := x.keeper.Kept()
	fmt.Fprintf(&out, "kept: %d of %d bytes\n", signals, size)
	return out.String()
}

// words are those of a line.
type words struct {
	t      *testing.T
	line   string
	verb   string
	names  []string
	values map[string]string
	order  []string // of values
}

func (x *stage) words(line string) *words {
	w := &words{t: x.t, line: line, values: make(map[string]string)}
	fields := strings.Fields(line)
	w.verb = fields[0]
	for _, f := range fields[1:] {
		if key, value, ok := strings.Cut(f, "="); ok {
			w.values[key] = value
			w.order = append(w.order, key)
		} else {
			w.names = append(w.names, f)
		}
	}
	return w
}

func (w *words) name(i int) string {
	if i >= len(w.names) {
		w.t.Fatalf("%q says too little", w.line)
	}
	return w.names[i]
}

func (w *words) id(i int) proto.ClientID { return proto.ClientID(w.name(i)) }

func (w *words) flag(name string) bool { return strings.Contains(w.line+" ", " "+name+" ") }

func (w *words) number(key string) int64 { return w.parse(w.values[key]) }

func (w *words) parse(value string) int64 {
	if value == "" {
		return 0
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		w.t.Fatalf("%q: %v", w.line, err)
	}
	return n
}

func (w *words) since() uint64 { return uint64(w.number("since")) } // not negative

func (w *words) gateway(key string) proto.GatewayID { return proto.GatewayID(w.values[key]) }

// stay reads GATEWAY,TURN,SINCE.
func (w *words) stay(value string) *proto.Stay {
	f := strings.Split(value, ",")
	if len(f) != 3 {
		w.t.Fatalf("%q: what is %q?", w.line, value)
	}
	return &proto.Stay{Gateway: proto.GatewayID(f[0]), Turn: w.parse(f[1]), Since: uint64(w.parse(f[2]))}
}

// parse reads a line of a script.
func (x *stage) parse(w *words) keeper.In {
	x.t.Helper()
	switch w.verb {
	case "here", "nothere", "closed", "send":
		return x.parseOwn(w)
	case "stay":
		return keeper.In{Kind: keeper.StayIs, ID: w.id(0), Stay: w.stay(w.name(1))}
	case "left":
		return keeper.In{Kind: keeper.StayIs, ID: w.id(0)}
	case "compared":
		stays := &proto.Stays{Members: make(map[proto.ClientID]proto.Stay)}
		for _, id := range w.order {
			stays.Order = append(stays.Order, proto.ClientID(id))
			stays.Members[proto.ClientID(id)] = *w.stay(w.values[id])
		}
		return keeper.In{Kind: keeper.Compared, Seq: uint64(w.parse(w.name(0))), Stays: stays}
	case "pass":
		x.now += w.parse(w.name(0)) * ms
		return keeper.In{Kind: keeper.Pulse}
	}
	return x.parseSaid(w)
}

// parseOwn reads what one of our clients does.
func (x *stage) parseOwn(w *words) keeper.In {
	conn := string(w.id(0)) + w.values["conn"]
	in := keeper.In{ID: w.id(0), Turn: w.number("turn"), Address: w.values["address"]}
	switch w.verb {
	case "here":
		in.Kind, in.Peer, in.Fresh = keeper.Here, conn, w.flag("fresh")
		in.Stay = &proto.Stay{Gateway: "G1", Turn: w.number("turn"), Since: w.since()}
		in.Before, in.Seq = w.gateway("before"), uint64(w.number("seq"))
	case "nothere":
		in.Kind, in.Gateway, in.Turn = keeper.NotHere, w.gateway("gateway"), w.number("of")
		if w.number("turn") > 0 {
			in.Stay = &proto.Stay{Gateway: in.Gateway, Turn: w.number("turn"), Since: w.since()}
		}
	case "closed":
		in.Kind = keeper.Closed
	case "send":
		x.num++
		in.Kind, in.Peer, in.Target, in.N, in.Ref, in.Num = keeper.Send, conn, w.id(1), w.number("n"), w.values["ref"], x.num
		if w.values["turn"] == "" {
			in.Turn = 1
		}
		if at := w.values["at"]; at != "" {
			in.Stay = w.stay(at)
		}
		in.Signal = signal(in.ID, in.N, int(w.number("size")))
	}
	return in
}

// signal returns a signal as a socket receives it, of that many bytes or a few more.
func signal(sender proto.ClientID, n int64, size int) []byte {
	s := fmt.Sprintf(`{"event":"signal-receive","room":"lobby","senderId":"%s","data":"","n":%d}`, sender, n)
	return []byte(strings.Replace(s, `""`, `"`+strings.Repeat("x", max(0, size-len(s)))+`"`, 1))
}

// parseSaid reads what another gateway says.
func (x *stage) parseSaid(w *words) keeper.In {
	m := &proto.Peer{From: w.gateway("from"), Turn: w.number("turn"), Since: w.since(), Fresh: w.flag("fresh"), Of: w.number("of")}
	in := keeper.In{Say: m}
	switch w.verb {
	case "pushed":
		in.Kind, m.Kind = keeper.Pushed, proto.Pushed
		m.SenderID, m.TargetID, m.State, m.N, m.Gateway = w.id(0), w.id(1), proto.Took(w.name(2)), w.number("n"), w.gateway("gateway")
	case "confirm":
		in.Kind, m.Kind = keeper.Confirm, proto.Confirm
		m.Pairs = []proto.PeerPair{{
			Room: lobby, SenderID: w.id(0), TargetID: w.id(1), Turn: m.Turn, Since: m.Since, N: w.number("n"),
		}}
	case "ask":
		in.Kind, m.Kind, m.TargetID = keeper.Asked, proto.Ask, w.id(0)
		for _, key := range w.order {
			if key != "from" && key != "turn" && key != "since" {
				m.Pairs = append(m.Pairs, proto.PeerPair{SenderID: proto.ClientID(key), N: w.number(key)})
			}
		}
	case "handover":
		in.Kind, m.Kind, m.ID = keeper.HandOver, proto.HandOver, w.id(0)
	case "handedover":
		in.Kind = keeper.HandedOver
		if err := json.Unmarshal([]byte(strings.TrimPrefix(w.line, "handedover ")), m); err != nil {
			x.t.Fatalf("%q: %v", w.line, err)
		}
		m.Kind = proto.HandedOver
	default:
		x.t.Fatalf("what is %q?", w.line)
	}
	return in
}

// display says what is to be done.
func display(o *keeper.Out) string {
	switch o.Kind {
	case keeper.Push:
		p := o.Push
		var ns []string
		for _, s := range p.Signals {
			ns = append(ns, strconv.FormatInt(must(proto.DecodeEvent(s)).N, 10))
		}
		return fmt.Sprintf("push to %s for %s (turn %d, since %d; sender since %d), after %d: %s",
			o.Gateway, p.Target, p.Turn, p.Since, p.SenderSince, p.Prev, strings.Join(ns, " "))
	case keeper.Post:
		m := *o.Say
		m.Room, m.From = "", ""
		return fmt.Sprintf("tell %s %s", o.Gateway, proto.AppendPeer(nil, &m))
	case keeper.Settle:
		ref := ""
		if o.Ref != "" {
			ref = " (ref " + o.Ref + ")"
		}
		return fmt.Sprintf("request %d of %s to %s%s: %s", o.Num, o.Peer, o.Target, ref, outcomes[o.Outcome])
	case keeper.Tell:
		return fmt.Sprintf("ref %s of %s to %s at last: %s", o.Ref, o.Peer, o.Target, outcomes[o.Outcome])
	case keeper.Compare:
		return fmt.Sprintf("compare %s because of %s", o.Room, o.Target)
	}
	return "?"
}
