package roomsvc

import (
	"hash/maphash"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// crew is the workers of a replica, each with its share of the rooms.
type crew struct {
	seed    maphash.Seed
	runners []*runner
}

func newCrew(s *Service, workers int) crew {
	c := crew{seed: maphash.MakeSeed()}
	for range workers {
		c.runners = append(c.runners, newRunner(s))
	}
	return c
}

// of returns whose room it is.
func (c *crew) of(token proto.Token) *runner {
	return c.runners[maphash.String(c.seed, string(token))%uint64(len(c.runners))]
}

// each has every worker do something, in its turn.
func (c *crew) each(do func(*worker.Worker)) {
	for _, r := range c.runners {
		r.post(mail{call: do})
	}
}

// idle reports whether nothing waits for a worker.
func (c *crew) idle() bool {
	for _, r := range c.runners {
		if len(r.box) > 0 {
			return false
		}
	}
	return true
}
