package operate

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// text is the status as people read it.
func (v *statusView) text(now time.Time) string {
	var b bytes.Buffer
	line := func(head, says string) { fmt.Fprintf(&b, "%-8s%s\n", head, says) }
	line("NATS", v.NATS.String())
	line("Prefix", v.Prefix)
	line("Rooms", v.roomsText())
	line("Stream", v.streamText())

	v.replicaTable(&b, now)
	v.gatewayTable(&b)
	v.serverTable(&b)
	return b.String()
}

func (s *serverView) String() string {
	text := quote(s.Server)
	if s.Cluster != "" {
		text += " of the cluster " + quote(s.Cluster)
	}
	return fmt.Sprintf("%s, version %s, %.1f ms there and back", text, s.Version, s.Millis)
}

func (v *statusView) roomsText() string {
	if v.Rooms == nil {
		return v.Troubles.Rooms
	}
	text := (&tally{v.Rooms.Rooms, v.Rooms.Members}).String()
	if !v.Rooms.Complete {
		text += "; " + v.Troubles.Rooms
	}
	return text
}

func (v *statusView) streamText() string {
	s := v.Stream
	if s == nil {
		return v.Troubles.Stream
	}
	leader := "no leader now"
	if s.Leader != "" {
		leader = "leader " + quote(s.Leader)
	}
	where := "in " + s.Storage
	if s.Storage == "file" {
		where = "on files"
	}
	return fmt.Sprintf("%s: %s, %s, last sequence %d, %s, %s, %s", s.Name, plural(s.Records, "record", "records"),
		size(s.Bytes), s.LastSeq, where, plural(uint64(max(s.Copies, 0)), "copy", "copies"), leader) // not negative
}

// head begins a table's part, and says why there is no table.
func head(b *bytes.Buffer, what string, n int, trouble, none string) bool {
	switch {
	case trouble != "":
		fmt.Fprintf(b, "\n%s: %s\n", what, trouble)
		return false
	case n == 0:
		fmt.Fprintf(b, "\n%s: %s\n", what, none)
		return false
	}
	b.WriteByte('\n')
	return true
}

func (v *statusView) replicaTable(b *bytes.Buffer, now time.Time) {
	if !head(b, "Replicas", len(v.Replicas), v.Troubles.Replicas, "none beats; no room can be made or changed") {
		return
	}
	t := &table{out: b, columns: []column{{head: "REPLICA"}, {head: "STATE"}, {"ROOMS", true}, {"SHARE", true}, {"UP FOR", true}}}
	var ranked uint64
	for _, r := range v.Replicas {
		ranked += r.Rooms
	}
	var rows [][]string
	for _, r := range v.Replicas {
		share, up := "–", "–"
		if ranked > 0 && r.State == string(proto.Up) {
			share = fmt.Sprintf("%.1f %%", 100*float64(r.Rooms)/float64(ranked))
		}
		if !r.Started.IsZero() {
			up = age(now.Sub(r.Started))
		}
		rows = append(rows, []string{quote(string(r.ID)), r.State, count(r.Rooms), share, up})
	}
	_ = t.rows(rows) // a buffer takes everything
	if v.Troubles.Started != "" {
		fmt.Fprintf(b, "Since when they are up: %s\n", v.Troubles.Started)
	}
}

func (v *statusView) gatewayTable(b *bytes.Buffer) {
	if !head(b, "Gateways", len(v.Gateways), v.Troubles.Gateways, "none beats; no client can connect") {
		return
	}
	t := &table{out: b, columns: []column{{head: "GATEWAY"}, {head: "STATE"}, {"SESSIONS", true}, {"AWAY", true}, {"ROOMS", true}}}
	said := func(n *uint64) string {
		if n == nil {
			return "–"
		}
		return count(*n)
	}
	var rows [][]string
	for _, g := range v.Gateways {
		rows = append(rows, []string{quote(g.ID), g.State, said(g.Sessions), said(g.Away), said(g.Rooms)})
	}
	_ = t.rows(rows)
}

// serverTable shows who has the stream, when that is more than one server.
func (v *statusView) serverTable(b *bytes.Buffer) {
	if v.Stream == nil || len(v.Stream.Others) == 0 {
		return
	}
	b.WriteByte('\n')
	t := &table{out: b, columns: []column{{head: "STREAM ON"}, {head: "STATE"}, {"LAG", true}, {"HEARD AGO", true}}}
	var rows [][]string
	if v.Stream.Leader != "" {
		rows = append(rows, []string{quote(v.Stream.Leader), "leader", "–", "–"})
	}
	for _, o := range v.Stream.Others {
		state := "behind"
		switch {
		case o.Offline:
			state = "offline"
		case o.Current:
			state = "current"
		}
		rows = append(rows, []string{quote(o.Server), state, count(o.Lag), fmt.Sprintf("%.1f s", o.Silent)})
	}
	_ = t.rows(rows)
}

// age writes how long something has run, in its two largest units.
func age(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return d.String()
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return strings.TrimSuffix(fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24), " 0h")
}
