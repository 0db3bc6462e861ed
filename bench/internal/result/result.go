// Package result is what one measurement found, as the load tells it to the
// program that started it.
package result

import (
	"time"

	"github.com/parley-rtc/parley/bench/internal/proc"
)

// Result is one measurement of one server.
type Result struct {
	Ops      uint64        `json:"ops,omitempty"`      // signals, joins or events delivered
	Elapsed  time.Duration `json:"elapsed,omitempty"`  // how long they took
	CPU      time.Duration `json:"cpu,omitempty"`      // that the server's processes used meanwhile
	LoadBusy float64       `json:"loadBusy,omitempty"` // share of its core that the load itself used
	P50      time.Duration `json:"p50,omitempty"`
	P99      time.Duration `json:"p99,omitempty"`

	// Of sessions that come back after a gateway was killed.
	Back    time.Duration `json:"back,omitempty"`    // the median from its death to live
	Live    time.Duration `json:"live,omitempty"`    // the 99th percentile from their new connection to live
	Longest time.Duration `json:"longest,omitempty"` // of the requests that others made meanwhile

	Members int `json:"members,omitempty"` // of the room that was filled
	Record  int `json:"record,omitempty"`  // bytes of the journal's last record of that room

	Conns  int         `json:"conns,omitempty"`
	Before proc.Memory `json:"before,omitzero"` // of the server's processes, with no connection
	After  proc.Memory `json:"after,omitzero"`  // with Conns idle ones, settled
}

// CPUPerOp is the server's CPU time for one operation, in microseconds.
func (r Result) CPUPerOp() float64 {
	if r.Ops == 0 {
		return 0
	}
	return float64(r.CPU.Nanoseconds()) / 1e3 / float64(r.Ops)
}

// PerSecond is how many operations were done in a second.
func (r Result) PerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Ops) / r.Elapsed.Seconds()
}

// RSSPerConn is the resident memory of one idle connection, in KiB.
func (r Result) RSSPerConn() float64 { return r.perConn(r.After.RSS - r.Before.RSS) }

// PSSPerConn is RSSPerConn with shared pages divided among their sharers.
func (r Result) PSSPerConn() float64 { return r.perConn(r.After.PSS - r.Before.PSS) }

// RecordPerMember is the size of a room's last journal record, in bytes for
// each member; what a record has besides members is in it.
func (r Result) RecordPerMember() float64 {
	if r.Members == 0 {
		return 0
	}
	return float64(r.Record) / float64(r.Members)
}

func (r Result) perConn(bytes int64) float64 {
	if r.Conns == 0 {
		return 0
	}
	return float64(bytes) / 1024 / float64(r.Conns)
}
