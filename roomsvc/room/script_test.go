package room_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

var update = flag.Bool("update", false, "write what the scripts lead to into testdata")

// TestScripts runs testdata/*.txt: requests, one a line, then "----", then what each led to. A request is
//
//	create ID ROOM CLIENT@GATEWAY [turn=N] [keep=N] [gone=POLICY]
//	join   ID ROOM CLIENT@GATEWAY [turn=N] [keep=N]
//	enter  ID ROOM CLIENT@GATEWAY [turn=N] [keep=N] [gone=POLICY]
//	resume ID ROOM CLIENT@GATEWAY turn=N [keep=N] [seq=N] [fresh]
//	leave  ID ROOM CLIENT@GATEWAY [joined=ID] [turn=N] [lost]
//	close  ID ROOM CLIENT@GATEWAY [turn=N]
//	signal ID ROOM CLIENT@GATEWAY TARGET
//	roster ID ROOM
//	member|kick|ban|unban|update|transfer|knock|admit|refuse|about ID ROOM CLIENT@GATEWAY [TARGET]
//	at SECONDS
//	limit N
//	form N
//	dead GATEWAY
//
// A request of a client with a token has sub=SUB and can=create,join,moderate. Further words: user=USER, meta=JSON, admin, seconds=N,
// banned=SUB, knocker=SUB, message=WORD, right (the password is the room's), locked=BOOL, password=HASH (- takes it away), most=N, knock=BOOL,
// policy=POLICY, forbidden.
//
// What it led to is its answer, and the record that was committed for it.
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
			got := run(t, script)
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

func run(t *testing.T, script string) string {
	t.Helper()
	form := proto.RecordForm
	var dead proto.GatewayID
	var at int64
	rules := room.Rules{
		Replica: "R", MaxMembers: 3,
		Form: func() int { return form },
		Gone: func(g proto.GatewayID) bool { return g == dead },
	}
	rooms := map[proto.Room]*room.State{}
	var seq uint64
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fmt.Fprintf(&out, "%s\n", line)
		switch words := strings.Fields(line); words[0] {
		case "limit":
			rules.MaxMembers = int(number(t, words[1]))
		case "form":
			form = int(number(t, words[1]))
		case "at":
			at = 1000 * number(t, words[1])
		case "dead":
			dead = proto.GatewayID(words[1])
		default:
			q := parse(t, words)
			q.At = at
			for again := true; again; {
				if st := rooms[q.Room]; st != nil && st.Record.About != nil && q.Proof != "" {
					q.Checked = st.Record.About.Password
				}
				d := rules.Decide(rooms[q.Room], &q)
				if d.Record != nil {
					seq++
					rooms[q.Room] = &room.State{Seq: seq, Record: *d.Record}
					d.Answer.Seq = seq
				}
				tell(&out, rooms[q.Room], &d)
				again = d.Again
			}
		}
	}
	return out.String()
}

// tell writes what a decision leads to. st is the room after it.
func tell(out *bytes.Buffer, st *room.State, d *room.Decision) {
	if d.Relay != "" {
		fmt.Fprintf(out, "  relayed to %s\n", d.Relay)
		return
	}
	if d.Record != nil {
		event := st.Event()
		fmt.Fprintf(out, "  committed %s\n", write(&st.Record))
		fmt.Fprintf(out, "  told %v %s%s\n", st.Told(), proto.AppendEvent(nil, &event), beside(st.EventStays()))
	}
	if d.Again {
		return
	}
	fmt.Fprintf(out, "  answered %s%s\n", proto.AppendEvent(nil, &d.Answer), beside(d.Stays))
	if d.Less {
		fmt.Fprintf(out, "  which is less than was asked for\n")
	}
}

// write returns a record in the least form that can hold it.
func write(rec *proto.Record) []byte {
	if rec.NeedsForm() == 1 {
		return proto.AppendRecord(nil, rec)
	}
	return proto.AppendCompact(nil, rec, proto.PackMembers(rec.Members))
}

func beside(stays string) string {
	if stays == "" {
		return ""
	}
	return "\n    beside it " + stays
}

func parse(t *testing.T, words []string) room.Request {
	t.Helper()
	q := room.Request{Op: proto.Op(words[0]), ID: proto.RequestID(words[1])}
	q.Room = proto.Room(words[2])
	if q.Op == proto.OpUpdate {
		q.Update = new(proto.Update)
	}
	for i, word := range words[3:] {
		name, value, _ := strings.Cut(word, "=")
		client, gateway, ok := strings.Cut(word, "@")
		switch {
		case ok:
			q.ClientID, q.Gateway = proto.ClientID(client), proto.GatewayID(gateway)
		case trustWord(t, &q, name, value):
		case name == "joined":
			q.Joined = proto.RequestID(value)
		case name == "turn":
			q.Turn = number(t, value)
		case name == "keep":
			q.Keep = int(number(t, value))
		case name == "seq":
			q.Seq = uint64(number(t, value))
		case name == "gone":
			q.Policy = proto.Policy(value)
		case word == "fresh":
			q.Fresh = true
		case word == "lost":
			q.Lost = true
		case i == 1:
			q.TargetID = proto.ClientID(word)
		}
	}
	return q
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// trustWord reads a word of names and moderation, and reports whether it was one.
func trustWord(t *testing.T, q *room.Request, name, value string) bool {
	t.Helper()
	switch name {
	case "sub":
		q.Sub = value
	case "can":
		for one := range strings.SplitSeq(value, ",") {
			grant, err := proto.ParseGrant(one)
			if err != nil {
				t.Fatal(err)
			}
			q.Can |= grant
		}
	case "user":
		q.User = value
	case "meta":
		q.Meta = jsontext.Value(value)
		if q.Update != nil {
			q.Update.Meta = q.Meta
		}
	case "admin":
		q.Admin = true
	case "leftover":
		q.Admin, q.Leftover = true, true
	case "seconds":
		q.Seconds = number(t, value)
	case "banned":
		q.Banned = value
	case "knocker":
		q.Knocker = value
	case "message":
		q.Message = value
	case "right", "wrong":
		q.Proof, q.Right = "proof", name == "right"
	case "locked":
		q.Update.Locked = new(value == "true")
	case "password":
		q.Hash = strings.TrimPrefix(value, "-")
		q.Update.Proof = new(q.Hash)
	case "most":
		q.Update.MaxMembers = new(int(number(t, value)))
	case "knock":
		q.Update.Knock = new(value == "true")
	case "policy":
		q.Update.Policy = new(proto.Policy(value))
	case "forbidden":
		q.Reason = proto.Forbidden
	default:
		return false
	}
	return true
}
