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

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

var update = flag.Bool("update", false, "write what the scripts lead to into testdata")

// TestScripts runs testdata/*.txt: requests, one a line, then "----", then what each led to. A request is
//
//	create ID ROOM CLIENT@GATEWAY
//	join   ID ROOM CLIENT@GATEWAY
//	leave  ID ROOM CLIENT@GATEWAY [joined=ID] [lost]
//	signal ID ROOM CLIENT@GATEWAY TARGET
//	roster ID ROOM
//	limit N
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
	rules := room.Rules{Replica: "R", MaxMembers: 3}
	rooms := map[proto.Room]*room.State{}
	var seq uint64
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fmt.Fprintf(&out, "%s\n", line)
		words := strings.Fields(line)
		if words[0] == "limit" {
			n, err := strconv.Atoi(words[1])
			if err != nil {
				t.Fatal(err)
			}
			rules.MaxMembers = n
			continue
		}
		q := parse(words)
		d := rules.Decide(rooms[q.Room], &q)
		switch {
		case d.Record != nil:
			seq++
			st := &room.State{Seq: seq, Record: *d.Record}
			rooms[q.Room] = st
			d.Answer.Seq = seq
			event := st.Record.Event(seq)
			fmt.Fprintf(&out, "  committed %s\n", proto.AppendRecord(nil, &st.Record))
			fmt.Fprintf(&out, "  told %v %s\n", st.Told(), proto.AppendEvent(nil, &event))
			fmt.Fprintf(&out, "  answered %s\n", proto.AppendEvent(nil, &d.Answer))
		case d.Relay != "":
			fmt.Fprintf(&out, "  relayed to %s\n", d.Relay)
		default:
			fmt.Fprintf(&out, "  answered %s\n", proto.AppendEvent(nil, &d.Answer))
		}
	}
	return out.String()
}

func parse(words []string) room.Request {
	q := room.Request{Op: proto.Op(words[0]), ID: proto.RequestID(words[1])}
	q.Room = proto.Room(words[2])
	for i, word := range words[3:] {
		client, gateway, ok := strings.Cut(word, "@")
		joined, isJoined := strings.CutPrefix(word, "joined=")
		switch {
		case ok:
			q.ClientID, q.Gateway = proto.ClientID(client), proto.GatewayID(gateway)
		case isJoined:
			q.Joined = proto.RequestID(joined)
		case word == "lost":
			q.Lost = true
		case i == 1:
			q.TargetID = proto.ClientID(word)
		}
	}
	return q
}
