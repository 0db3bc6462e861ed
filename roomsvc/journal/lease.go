package journal

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// A read is answered by whichever server takes itself for the stream's leader. One that was cut off from the others does so
// for 10 s, in which they choose another after 4 s at the earliest, since they heard of it last. So what it answers is the
// stream's last word only while it has lately heard from most of the stream's copies.
const (
	election   = 4 * time.Second        // a copy that hears from its leader waits so long before it stands for election
	leaseSkew  = 500 * time.Millisecond // of that, what clocks and the way of a message may take
	renewEvery = 500 * time.Millisecond
	renewAgain = 50 * time.Millisecond // with no lease
)

// Sure reports whether what the leader answered until now is what the stream has: no other can have been elected.
func (j *Journal) Sure() bool {
	until, now := j.sure.Load(), time.Now()
	// By both clocks: one stands still while the machine sleeps, the other can be set back.
	return until != nil && now.Before(*until) && now.Round(0).Before(until.Round(0))
}

// Renew asks the leader which copies it has heard from, if that is due. It returns at once.
func (j *Journal) Renew() {
	now := time.Now()
	every := renewEvery
	if !j.Sure() {
		every = renewAgain
	}
	j.mu.Lock()
	due := now.Sub(j.renewed) >= every
	var last uint64
	if due {
		j.renewed, last = now, j.renewal
	}
	j.mu.Unlock()
	if !due {
		return
	}
	j.Forget(last)
	id, reply := j.wait(waiter{info: func(data []byte) { j.extend(now, data) }})
	j.mu.Lock()
	j.renewal = id
	j.mu.Unlock()
	if err := j.nc.PublishRequest(j.info, reply, nil); err != nil {
		j.Forget(id)
	}
}

// extend reads an answer to what was asked at a time. It runs on the goroutine of the replies.
func (j *Journal) extend(asked time.Time, data []byte) {
	var answer struct {
		Cluster struct {
			Copies []heardFrom `json:"replicas"`
		} `json:"cluster"`
		Error *apiError `json:"error"`
	}
	if json.Unmarshal(data, &answer) != nil || answer.Error != nil {
		return
	}
	until := asked.Add(leaseFor(answer.Cluster.Copies))
	if old := j.sure.Load(); old == nil || old.Before(until) {
		j.sure.Store(&until)
	}
}

// heardFrom is another copy of the stream, and when the leader heard from it.
type heardFrom struct {
	Active int64 `json:"active"` // nanoseconds since then; 0: not yet
}

// leaseFor returns for how long no other leader can be elected.
func leaseFor(copies []heardFrom) time.Duration {
	heard := slices.DeleteFunc(slices.Clone(copies), func(c heardFrom) bool { return c.Active <= 0 })
	slices.SortFunc(heard, func(a, b heardFrom) int { return cmp.Compare(a.Active, b.Active) })
	needed := (len(copies) + 1) / 2 // with the leader itself, most of them
	switch {
	case needed == 0:
		return election - leaseSkew
	case len(heard) < needed:
		return 0
	}
	return election - leaseSkew - time.Duration(heard[needed-1].Active)
}
