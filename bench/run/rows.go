package main

import (
	"time"

	"github.com/parley-rtc/parley/bench/internal/result"
)

// metric is what a row shows of a result.
type metric struct {
	name, unit string
	of         func(result.Result) float64
}

var (
	cpu    = metric{"CPU", "µs", result.Result.CPUPerOp}
	p50    = metric{"median", "µs", func(r result.Result) float64 { return float64(r.P50.Nanoseconds()) / 1e3 }}
	p99    = metric{"99th percentile", "µs", func(r result.Result) float64 { return float64(r.P99.Nanoseconds()) / 1e3 }}
	whole  = metric{"CPU", "ms", func(r result.Result) float64 { return r.CPUPerOp() / 1e3 }}
	record = metric{"last record", "B", result.Result.RecordPerMember}
	rss    = metric{"resident", "KiB", result.Result.RSSPerConn}
	pss    = metric{"proportional", "KiB", result.Result.PSSPerConn}

	back    = metric{"median", "ms", func(r result.Result) float64 { return millis(r.Back) }}
	live    = metric{"99th percentile", "ms", func(r result.Result) float64 { return millis(r.Live) }}
	longest = metric{"longest", "ms", func(r result.Result) float64 { return millis(r.Longest) }}
)

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// cell is one system under one transport.
type cell struct {
	transport transport
	system    name
}

// title is the cell's head in the table.
func (c cell) title() string {
	return map[cell]string{
		{plain, floor}: "floor", {plain, parley}: "parley", {plain, three}: "three",
		{plain, three2}: "three x2", {plain, three4}: "three x4",
		{resumable, parley}: "parley keyed", {resumable, three}: "three keyed",
		{resumable, three2}: "three x2 keyed", {resumable, three4}: "three x4 keyed",
		{tokens, guarded}: "with tokens",
		{socketIO, node}:  "node", {socketIO, node2}: "node x2", {socketIO, parley}: "parley sio",
	}[c]
}

// bound compares a cell with another of the same scenario, or, with no other,
// with a fixed value.
type bound struct {
	of, to cell
	most   float64 // 0 compares only
	fixed  bool    // most is in the metric's unit
	plus   bool    // most is how much more of has than to, in the metric's unit
}

// row is a line of the table.
type row struct {
	title    string
	scenario string // without transport
	since    string // with it, the row shows scenario's value over this one's
	metric   metric
	cells    []cell
	bounds   []bound
}

var (
	onFloor  = cell{plain, floor}
	onParley = cell{plain, parley}
	onThree  = cell{plain, three}
	onThree2 = cell{plain, three2}
	onThree4 = cell{plain, three4}
	onNode   = cell{socketIO, node}
	onNode2  = cell{socketIO, node2}
	onSIO    = cell{socketIO, parley}

	withTokens = cell{tokens, guarded}

	keyed       = cell{resumable, parley}
	keyedThree  = cell{resumable, three}
	keyedThree2 = cell{resumable, three2}
	keyedThree4 = cell{resumable, three4}

	plainCells  = []cell{onFloor, onParley, onThree}
	sioCells    = []cell{onNode, onNode2, onSIO}
	fillCells   = []cell{onFloor, onParley, onThree, onThree2, onThree4}
	scaledCells = []cell{onThree, onThree2, onThree4}
	keyedCells  = []cell{onParley, keyed, onThree, keyedThree}
	keyedSpread = []cell{onThree2, keyedThree2, onThree4, keyedThree4}
	tokenCells  = []cell{onParley, withTokens}
	backCells   = []cell{keyedThree2, keyedThree4}

	// flat compares several gateways and room services with one of each.
	flat = []bound{{of: onThree2, to: onThree, most: 1.2}, {of: onThree4, to: onThree, most: 1.2}}
)

// toFloor are the usual comparisons of the plain transport.
func toFloor(one, three float64) []bound {
	return []bound{{of: onParley, to: onFloor, most: one}, {of: onThree, to: onFloor, most: three}}
}

// toNode are the usual comparisons of the Socket.IO transport.
func toNode(node, node2, plain float64) []bound {
	return []bound{{of: onSIO, to: onNode, most: node}, {of: onSIO, to: onNode2, most: node2}, {of: onSIO, to: onParley, most: plain}}
}

// toPlain compares resumable sessions with clients that are not.
func toPlain(most float64) []bound {
	return []bound{{of: keyed, to: onParley, most: most}, {of: keyedThree, to: onThree, most: most}}
}

// rows is the table.
var rows = []row{
	{"signal, 1 room busy", "signal-1", "", cpu, plainCells, toFloor(1.8, 2.2)},
	{"signal, 16 rooms busy", "signal-16", "", cpu, plainCells, toFloor(1.8, 2.2)},
	{"signal, 50 rooms busy", "signal-50", "", cpu, plainCells, toFloor(1.8, 2.2)},
	{"signal, 256 rooms busy", "signal-256", "", cpu, plainCells, toFloor(1.8, 2.2)},
	{"signal, 50 busy of 10,000 rooms", "signal-10000", "", cpu, plainCells, toFloor(1.8, 2.2)},
	{"signal, 5,000/s over 1 room", "rate-1", "", cpu, plainCells, toFloor(1.4, 1.9)},
	{"signal, 5,000/s over 50 rooms", "rate-50", "", cpu, plainCells, toFloor(1.4, 1.9)},
	{"signal, 5,000/s over 10,000 rooms", "rate-10000", "", cpu, plainCells, toFloor(1.4, 1.9)},
	{"growth, 10,000 rooms over 1, at 5,000/s", "rate-10000", "rate-1", cpu, plainCells, []bound{
		{of: onParley, most: 1.15, fixed: true}, {of: onThree, most: 1.15, fixed: true},
	}},
	{"round trip, 1 room busy", "signal-1", "", p50, plainCells, toFloor(0, 0)},
	{"round trip, 50 rooms busy", "signal-50", "", p50, plainCells, toFloor(0, 0)},
	{"round trip, 50 rooms busy", "signal-50", "", p99, plainCells, toFloor(0, 0)},
	{"latency, 5,000/s over 50 rooms", "rate-50", "", p50, plainCells, toFloor(3, 0)},
	{"latency, 5,000/s over 50 rooms", "rate-50", "", p99, plainCells, []bound{
		{of: onParley, most: 15_000, fixed: true}, {of: onThree, most: 15_000, fixed: true},
	}},
	{"join, rooms of ten", "join", "", cpu, plainCells, append(toFloor(2, 2), bound{of: onParley, to: onThree, most: 1})},
	{"event in a room of 1,000, 50 at a time", "fanout-50", "", cpu, plainCells, toFloor(2.5, 0)},
	{"event in a room of 1,000, 1 at a time", "fanout-1", "", cpu, plainCells, toFloor(0, 0)},
	{"idle connection, of 1,000", "idle-1000", "", rss, plainCells, toFloor(0, 0)},
	{"idle connection, of 10,000", "idle-10000", "", rss, plainCells, toFloor(0.67, 0)},
	{"idle connection, of 10,000", "idle-10000", "", pss, plainCells, toFloor(0, 0)},

	{"filling a room of 1,000, 50 joining at a time", "fill", "", whole, fillCells, []bound{
		{of: onParley, to: onFloor},
		{of: onThree, to: onFloor},
		{of: onThree2, to: onFloor, most: 1.3},
		{of: onThree2, to: onThree, most: 1.5},
		{of: onThree4, to: onThree},
	}},
	{"filling a room of 1,000, all at once", "herd", "", whole, fillCells, []bound{
		{of: onParley, to: onFloor},
		{of: onThree, to: onFloor},
		{of: onThree2, to: onFloor},
		{of: onThree2, to: onThree, most: 1.5},
		{of: onThree4, to: onThree},
	}},
	{"journal, for each member of a room of 1,000", "fill", "", record, fillCells, []bound{
		{of: onParley, most: 60, fixed: true}, {of: onThree, most: 60, fixed: true}, {of: onThree2, most: 60, fixed: true},
	}},

	{"signal, 50 rooms busy, several of each", "signal-50", "", cpu, scaledCells, flat},
	{"signal, 256 rooms busy, several of each", "signal-256", "", cpu, scaledCells, flat},
	{"signal, 5,000/s over 50 rooms, several of each", "rate-50", "", cpu, scaledCells, flat},

	{"signal between sessions, 50 rooms busy", "signal-50", "", cpu, keyedCells, toPlain(1.2)},
	{"signal between sessions, 5,000/s over 50 rooms", "rate-50", "", cpu, keyedCells, toPlain(1.2)},
	{"round trip between sessions, 50 rooms busy", "signal-50", "", p50, keyedCells, toPlain(0)},
	{"join of sessions, rooms of ten", "join", "", cpu, keyedCells, toPlain(1.05)},
	{"idle connection of a session, of 10,000", "idle-10000", "", rss, keyedCells, []bound{
		{of: keyed, to: onParley, most: 1, plus: true}, {of: keyedThree, to: onThree, most: 1, plus: true},
	}},
	{"signal between sessions, 50 rooms busy, several of each", "signal-50", "", cpu, keyedSpread, []bound{
		{of: keyedThree2, to: onThree2, most: 1.2}, {of: keyedThree4, to: onThree4, most: 1.2},
	}},
	{"signal between sessions, 5,000/s over 50 rooms, several of each", "rate-50", "", cpu, keyedSpread, []bound{
		{of: keyedThree2, to: onThree2, most: 1.2}, {of: keyedThree4, to: onThree4, most: 1.2},
	}},
	{"a gateway killed, 2,000 sessions come back: connected to live", "back-2000", "", live, backCells, []bound{
		{of: keyedThree2, most: 3000, fixed: true},
	}},
	{"a gateway killed, 2,000 sessions come back: others' requests", "back-2000", "", longest, backCells, []bound{
		{of: keyedThree2, most: 1000, fixed: true},
	}},
	{"a gateway killed, one session comes back: death to live", "back-1", "", back, backCells, []bound{
		{of: keyedThree4, most: 500, fixed: true},
	}},

	{"signal with tokens, 50 rooms busy", "signal-50", "", cpu, tokenCells, []bound{{of: withTokens, to: onParley, most: 1.05}}},
	{"join with tokens, rooms of ten", "join", "", cpu, tokenCells, []bound{{of: withTokens, to: onParley}}},
	{"idle connection with a token, of 10,000", "idle-10000", "", rss, tokenCells, []bound{{of: withTokens, to: onParley, most: 2, plus: true}}},

	{"signal, 50 rooms busy", "signal-50", "", cpu, sioCells, toNode(1.6, 0.5, 1.3)},
	{"signal, 5,000/s over 50 rooms", "rate-50", "", cpu, sioCells, toNode(0, 0, 0)},
	{"latency, 5,000/s over 50 rooms", "rate-50", "", p50, sioCells, toNode(0, 0, 0)},
	{"latency, 5,000/s over 50 rooms", "rate-50", "", p99, sioCells, toNode(0, 0, 0)},
	{"idle connection, of 1,000", "idle-1000", "", rss, sioCells, toNode(0, 0, 0)},
	{"idle connection, of 10,000", "idle-10000", "", rss, sioCells, toNode(1.2, 0, 0)},
}
