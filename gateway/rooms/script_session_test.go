package rooms_test

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// What scripts say of resumable sessions:
//
//	enter|close CLIENT ROOM                                   more requests
//	resume CLIENT ROOM [seq=N] [heard=SENDER:N] [fresh]       and one more
//	again CLIENT resume ROOM ...                              its present request begins once more
//	away CLIENT
//	push ID turn=N since=N [ssince=N] [prev=N] room=ROOM sender=ID n=N[,N...] [from=GATEWAY]
//	pushrefused CLIENT EVENT
//	told ID turn=N room=ROOM from=GATEWAY [SENDER:N/SURE ...] [SENDER>GATEWAY ...]
//	hint ROOM ID seq=N from=GATEWAY
//	elsewhere ROOM ID turn=N from=GATEWAY
//	pong CLIENT N
//	compareroom ROOM
//	pulse MILLISECONDS                                        pass, and a pulse
func (x *stage) parseSession(in *rooms.In, words []string) bool {
	v := values(words)
	switch words[0] {
	case "away":
		in.Kind = rooms.Away
	case "again":
		in.Kind, in.Ask = rooms.Begin, x.present(words[1])
		in.Ask.Op, in.Ask.Room, in.Ask.Ref = proto.OpResume, proto.Room(words[3]), strconv.FormatUint(in.Ask.Num, 10)
		x.resume(&in.Ask, words)
	case "push":
		in.Kind, in.Push = rooms.Push, x.push(words[1], v)
	case "pushrefused":
		in.Kind = rooms.PushRefused
	case "told":
		in.Kind, in.Say = rooms.Told, x.told(words)
	case "hint", "elsewhere":
		in.Kind = map[string]rooms.InKind{"hint": rooms.Hint, "elsewhere": rooms.Elsewhere}[words[0]]
		in.Say = &proto.Peer{
			Room: proto.Room(words[1]), ID: proto.ClientID(words[2]), Seq: x.given(v, "seq"), Turn: int64(x.given(v, "turn")),
			From: proto.GatewayID(v["from"]),
		}
	case "pong":
		in.Kind, in.Num = rooms.Pong, x.number(words[2])
	case "compareroom":
		in.Kind, in.Say = rooms.CompareRoom, &proto.Peer{Room: proto.Room(words[1])}
	case "pulse":
		in.Kind = rooms.Pulse
		x.now += int64(x.number(words[1])) * 1_000_000
	default:
		return false
	}
	return true
}

// values returns those of words that are KEY=VALUE.
func values(words []string) map[string]string {
	v := make(map[string]string)
	for _, w := range words {
		if key, value, ok := strings.Cut(w, "="); ok {
			v[key] = value
		}
	}
	return v
}

// given returns a number, or 0 where there is none.
func (x *stage) given(v map[string]string, key string) uint64 {
	x.t.Helper()
	if v[key] == "" {
		return 0
	}
	return x.number(v[key])
}

func (x *stage) open(name string) *rooms.Client {
	x.t.Helper()
	id, turn, resumable := strings.Cut(name, ".")
	cl := &rooms.Client{ID: proto.ClientID(id)}
	if resumable {
		cl.Turn, cl.Keep = int64(x.number(turn)), 30*second
	}
	return cl
}

func nameOf(c *rooms.Client) string {
	if c.Turn == 0 {
		return string(c.ID)
	}
	return string(c.ID) + "." + strconv.FormatInt(c.Turn, 10)
}

// stays reads what comes beside an answer. A member's request is its name and turn.
func (x *stage) stays(words []string) *proto.Stays {
	x.t.Helper()
	s := proto.Stays{Members: make(map[proto.ClientID]proto.Stay)}
	for _, w := range words {
		if before, ok := strings.CutPrefix(w, "before="); ok {
			s.Before = proto.GatewayID(before)
		}
		stay, ok := strings.CutPrefix(w, "stay=")
		if !ok {
			continue
		}
		id, rest, _ := strings.Cut(stay, "@")
		parts := strings.Split(rest, "/")
		if len(parts) != 3 {
			x.t.Fatalf("%q is no stay", w)
		}
		s.Members[proto.ClientID(id)] = proto.Stay{
			Gateway: proto.GatewayID(parts[0]), Turn: int64(x.number(parts[1])), Since: x.number(parts[2]),
		}
		s.Order = append(s.Order, proto.ClientID(id))
	}
	if len(s.Order) == 0 {
		return nil
	}
	return &s
}

// resume reads what a resume says of what the client has.
func (x *stage) resume(a *rooms.Ask, words []string) {
	x.t.Helper()
	v := values(words)
	a.Seq = x.given(v, "seq")
	for _, w := range words {
		if heard, ok := strings.CutPrefix(w, "heard="); ok {
			sender, n, _ := strings.Cut(heard, ":")
			if a.Heard == nil {
				a.Heard = make(map[proto.ClientID]int64)
			}
			a.Heard[proto.ClientID(sender)] = int64(x.number(n))
		}
		a.Fresh = a.Fresh || w == "fresh"
	}
}

func (x *stage) push(target string, v map[string]string) *proto.Push {
	x.t.Helper()
	p := proto.Push{
		From: "g2", Target: proto.ClientID(target), Turn: int64(x.given(v, "turn")), Since: x.given(v, "since"),
		Prev: int64(x.given(v, "prev")), SenderSince: x.given(v, "ssince"),
	}
	if v["from"] != "" {
		p.From = proto.GatewayID(v["from"])
	}
	for n := range strings.SplitSeq(v["n"], ",") {
		e := proto.Event{
			Name: proto.SignalReceive, Room: proto.Room(v["room"]), SenderID: proto.ClientID(v["sender"]), N: int64(x.number(n)),
			Data: jsontext.Value(n),
		}
		p.Signals = append(p.Signals, proto.AppendEvent(nil, &e))
	}
	return &p
}

func (x *stage) told(words []string) *proto.Peer {
	x.t.Helper()
	v := values(words)
	say := &proto.Peer{
		Kind: proto.Told, TargetID: proto.ClientID(words[1]), Turn: int64(x.given(v, "turn")), Room: proto.Room(v["room"]),
		From: proto.GatewayID(v["from"]),
	}
	for _, w := range words[2:] {
		if sender, to, ok := strings.Cut(w, ">"); ok {
			say.Pairs = append(say.Pairs, proto.PeerPair{SenderID: proto.ClientID(sender), Gateway: proto.GatewayID(to)})
		} else if sender, numbers, ok := strings.Cut(w, ":"); ok {
			n, sure, _ := strings.Cut(numbers, "/")
			say.Pairs = append(say.Pairs, proto.PeerPair{
				SenderID: proto.ClientID(sender), N: int64(x.number(n)), Sure: int64(x.number(sure)),
			})
		}
	}
	return say
}

// showSession says what is to be done about resumable sessions.
func showSession(o *rooms.Out, who string) string {
	switch o.Kind {
	case rooms.Oust:
		return "oust " + who
	case rooms.DeliverPush:
		var list []string
		for i := range o.Signals {
			e := &o.Signals[i]
			if string(o.Raw[i]) != string(proto.AppendEvent(nil, e)) {
				return fmt.Sprintf("%s is not %+v", o.Raw[i], e)
			}
			list = append(list, strconv.FormatInt(e.N, 10))
		}
		return fmt.Sprintf("give %s %s, then post to %s: %s", who, strings.Join(list, ","), o.Gateway, showPeer(o.Answer))
	case rooms.Ping:
		return fmt.Sprintf("ping %s with %d", who, o.Num)
	case rooms.Post:
		return fmt.Sprintf("post to %s: %s", o.Gateway, showPeer(o.Say))
	case rooms.StayIs:
		if o.Stay == nil {
			return fmt.Sprintf("%s stays in %s no longer", o.ID, o.Room)
		}
		return fmt.Sprintf("%s stays in %s %s", o.ID, o.Room, showStay(o.Stay))
	case rooms.Here:
		before, fresh := "", ""
		if o.Before != "" {
			before = ", before at " + string(o.Before)
		}
		if o.Fresh {
			fresh = ", fresh"
		}
		if o.Num > 0 {
			fresh += fmt.Sprintf(", at %d", o.Num)
		}
		return fmt.Sprintf("%s is here in %s %s%s%s", who, o.Room, showStay(o.Stay), before, fresh)
	case rooms.NotHere:
		if o.Gateway != "" {
			known := ""
			if o.Stay != nil {
				known = " " + showStay(o.Stay)
			}
			return fmt.Sprintf("%s is not here in %s, but at %s%s", who, o.Room, o.Gateway, known)
		}
		return fmt.Sprintf("%s is not here in %s", who, o.Room)
	case rooms.KeepAnew:
		return "keep " + who + " anew"
	default:
		return "?"
	}
}

func showStay(s *proto.Stay) string {
	if s == nil {
		return "plainly"
	}
	return fmt.Sprintf("by %s/%d/%d", s.Gateway, s.Turn, s.Since)
}

func showPeer(p *proto.Peer) string {
	if p.From != "g1" {
		return "from whom?"
	}
	own := *p
	own.From = "-"
	text := string(proto.AppendPeer(nil, &own))
	return strings.Replace(text, `,"from":"-"`, "", 1)
}
