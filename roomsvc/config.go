package roomsvc

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/roomsvc/internal/inside"
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
	// RecordForm is the newest form in which rooms are written to the journal: 1, which version 0.1 reads too, or 2 to 4, each of
	// which is written once every replica knows it and is set to it. Without 3, no session is resumable, without 4 there are no names
	// and no moderation. Default: 4. All are read.
	RecordForm int
	// RequireUser has requests refused that do not say which user's token stands behind them, so that a gateway that asks for no tokens
	// by mistake opens nothing.
	RequireUser bool

	timings inside.Timings // set by tests
}

// init lets the tests in roomsvc/tests shorten what they would wait for.
func init() {
	inside.Of = func(config any) *inside.Timings { return &config.(*Config).timings }
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
