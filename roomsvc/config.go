package roomsvc

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/roomsvc/replicas"
)

// Config is how a replica is set up. Its zero value works: one replica, on the NATS server of this machine.
type Config struct {
	Servers string        // comma separated; default nats://127.0.0.1:4222
	Options []nats.Option // of the login that answers requests; applied after the service's own

	// The journal is reached over a second connection, which may have a login of its own. With neither of these it uses
	// the same as above.
	JournalServers string
	JournalOptions []nats.Option

	Prefix     string // of subjects and of the stream; default parley
	Replicas   int    // copies of the stream in a NATS cluster; default 1
	Memory     bool   // the stream is kept in memory rather than on files
	MaxMembers int    // of a room; default 1024, negative: no limit
	// RecordForm is the newest form in which rooms are written to the journal: 1, which version 0.1 reads too, or 2, which is
	// written once every replica knows it and is set to it. Default: 2. Both are read.
	RecordForm int

	timings timings // set by tests
}

// timings are how long things take. Tests shorten some.
type timings struct {
	replicas.Timings

	Check       time.Duration // between two checks of a gateway: 10 s
	Sweep       time.Duration // between two looks for members of gateways that are gone: 500 ms
	Retell      time.Duration // how old a change may be to be told again: 10 s
	Unanswered  time.Duration // after which an append or a read is made again: 1 s
	JournalAway time.Duration // after which a replica without its journal is not ready: 1 s
	Doubt       time.Duration // after which an append that is not stored has the replica probe the journal: 3 s
	// Unsettled is after how long without one stored append, though some wait, the replica is not ready: 20 s, in which two
	// elections in a row fit.
	Unsettled  time.Duration
	Linger     time.Duration // for which a leaving replica still takes requests: 150 ms
	StopWithin time.Duration // for what was taken to be answered before the replica stops: 5 s
}

const (
	defaultMaxMembers = 1024

	// maxTimeout is the longest that a request may ask to be waited for.
	maxTimeout = time.Minute
	// mailboxSize is how many messages wait for a worker. Requests beyond it are answered unavailable at once; what
	// the journal brings waits outside.
	mailboxSize = 8192
)

func (c Config) withDefaults() Config {
	if c.Servers == "" && len(c.Options) == 0 {
		c.Servers = nats.DefaultURL
	}
	if c.JournalServers == "" && len(c.JournalOptions) == 0 {
		c.JournalOptions = c.Options
	}
	if c.JournalServers == "" {
		c.JournalServers = c.Servers
	}
	c.Replicas = max(c.Replicas, 1)
	switch {
	case c.MaxMembers == 0:
		c.MaxMembers = defaultMaxMembers
	case c.MaxMembers < 0:
		c.MaxMembers = 0
	}
	t := &c.timings
	for d, value := range map[*time.Duration]time.Duration{
		&t.Check: 10 * time.Second, &t.Sweep: 500 * time.Millisecond, &t.Retell: 10 * time.Second, &t.Unanswered: time.Second,
		&t.JournalAway: time.Second, &t.Doubt: 3 * time.Second, &t.Unsettled: 20 * time.Second, &t.Linger: 150 * time.Millisecond, &t.StopWithin: 5 * time.Second,
	} {
		if *d == 0 {
			*d = value
		}
	}
	return c
}
