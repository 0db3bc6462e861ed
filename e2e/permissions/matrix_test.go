package permissions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// publishes are subjects that matter, and who may publish on each. Every other
// login must be refused.
var publishes = map[string][]string{
	// Requests: who may change a room is trusted for every client.
	"parley.rooms.create":   {"gateway", "service"},
	"parley.rooms.join":     {"gateway", "service"},
	"parley.rooms.enter":    {"gateway", "service"},
	"parley.rooms.resume":   {"gateway", "service"},
	"parley.rooms.leave":    {"gateway", "service"},
	"parley.rooms.close":    {"gateway", "service"},
	"parley.rooms.signal":   {"gateway", "service"},
	"parley.rooms.roster":   {"gateway", "service", "observer", "admin"},
	"parley.rooms.list":     {"gateway", "service", "observer", "admin"},
	"parley.rooms.other":    nil,
	"parley.rooms.member":   {"gateway"},
	"parley.rooms.kick":     {"gateway"},
	"parley.rooms.ban":      {"gateway"},
	"parley.rooms.unban":    {"gateway"},
	"parley.rooms.update":   {"gateway"},
	"parley.rooms.transfer": {"gateway"},
	"parley.rooms.knock":    {"gateway"},
	"parley.rooms.admit":    {"gateway"},
	"parley.rooms.refuse":   {"gateway"},
	"parley.rooms.about":    {"gateway"},
	"parley.rooms.revoked":  {"gateway"},
	"parley.rooms.revoke":   nil,

	"parley.roomsvc.r1.create":   {"gateway"},
	"parley.roomsvc.r1.join":     {"gateway"},
	"parley.roomsvc.r1.enter":    {"gateway"},
	"parley.roomsvc.r1.resume":   {"gateway"},
	"parley.roomsvc.r1.leave":    {"gateway"},
	"parley.roomsvc.r1.close":    {"gateway"},
	"parley.roomsvc.r1.signal":   {"gateway"},
	"parley.roomsvc.r1.roster":   {"gateway"},
	"parley.roomsvc.r1.list":     {"gateway"},
	"parley.roomsvc.r1.other":    nil,
	"parley.roomsvc.r1.member":   {"gateway"},
	"parley.roomsvc.r1.kick":     {"gateway"},
	"parley.roomsvc.r1.ban":      {"gateway"},
	"parley.roomsvc.r1.unban":    {"gateway"},
	"parley.roomsvc.r1.update":   {"gateway"},
	"parley.roomsvc.r1.transfer": {"gateway"},
	"parley.roomsvc.r1.knock":    {"gateway"},
	"parley.roomsvc.r1.admit":    {"gateway"},
	"parley.roomsvc.r1.refuse":   {"gateway"},
	"parley.roomsvc.r1.about":    {"gateway"},
	"parley.roomsvc.r1.revoked":  {"gateway"},
	"parley.roomsvc.r1.revoke":   nil,

	// The operator's word is the admin login's alone.
	"parley.admin.kick":       {"admin"},
	"parley.admin.revoke":     {"admin"},
	"parley.admin.disconnect": {"admin"},
	"parley.admin.kick.more":  nil,

	// What only the room service says.
	"parley.gateway.g1.room.lobby":  {"roomsvc"},
	"parley.gateway.g1.client.c1":   {"roomsvc"},
	"parley.gateway.g1.check":       {"roomsvc"},
	"parley.room.lobby.event":       {"roomsvc"},
	"parley.beat.roomsvc.r1":        {"roomsvc"},
	"parley.alive.g1":               {"roomsvc"},
	"parley.gateway.g1.reply.t1":    {"gateway", "roomsvc", "service"},
	"parley.gateway.g1.engine":      {"gateway"},
	"parley.gateway.g1.push":        {"gateway"},
	"parley.gateway.g1.peer":        {"gateway"},
	"parley.gateway.g1.away":        {"service", "observer", "admin"},
	"parley.gateway.g1.push.more":   nil,
	"parley.beat.gateway.g1":        {"gateway", "service"},
	"parley.beat.other.x1":          nil,
	"_INBOX.abc.def":                {"gateway", "roomsvc", "service"},
	"parley.gateway.g1":             nil,
	"parley.room.lobby.other":       nil,
	"other.rooms.create":            nil,
	"parley.rooms.create.and.more":  nil,
	"parley.gateway.g1.room.a.b":    nil,
	"parley.journal.lobby.and.more": nil,

	// The journal is the journal login's alone.
	"parley.journal.lobby":                  {"journal"},
	"$JS.API.INFO":                          {"journal", "keeper", "observer", "admin"},
	"$JS.API.STREAM.INFO.PARLEY":            {"journal", "keeper", "reader", "observer", "admin", "roomsvc"},
	"$JS.API.STREAM.CREATE.PARLEY":          {"journal", "keeper"},
	"$JS.API.STREAM.UPDATE.PARLEY":          {"journal", "keeper"},
	"$JS.API.STREAM.MSG.GET.PARLEY":         {"journal", "keeper", "reader"},
	"$JS.API.CONSUMER.CREATE.PARLEY.c1":     {"journal", "keeper", "reader"},
	"$JS.API.CONSUMER.CREATE.PARLEY.c1.a.b": {"journal", "keeper", "reader"},
	"$JS.API.CONSUMER.MSG.NEXT.PARLEY.c1":   {"journal", "keeper", "reader"},
	"$JS.API.CONSUMER.DELETE.PARLEY.c1":     {"journal", "keeper"},
	"$JS.API.STREAM.DELETE.PARLEY":          {"keeper"},
	"$JS.API.STREAM.PURGE.PARLEY":           {"keeper"},
	"$JS.API.STREAM.MSG.DELETE.PARLEY":      {"keeper"},
	"$JS.API.STREAM.SNAPSHOT.PARLEY":        {"keeper"},
	"$JS.API.STREAM.RESTORE.PARLEY":         {"keeper"},
	"$JS.API.STREAM.LEADER.STEPDOWN.PARLEY": {"keeper"},
	"$JS.API.STREAM.CREATE.OTHER":           {"keeper"},
	"$JS.API.CONSUMER.CREATE.OTHER.c1":      {"keeper"},
	"$JS.API.DIRECT.GET.PARLEY":             {"keeper"},
	"$JS.ACK.PARLEY.c1.1.1.1.1.0":           {"journal", "keeper", "reader"},
	"$SRV.PING":                             {"observer", "admin"},
	"$SRV.INFO.parley":                      {"observer", "admin"},
	"$SRV.STATS.parley.x":                   {"observer", "admin"},
	"$SRV.OTHER":                            nil,
	"$SYS.REQ.SERVER.PING":                  nil,
	"$SYS.REQ.USER.INFO":                    nil,
	"$SYS.ACCOUNT.PARLEY.CONNECT":           nil,
}

// subscribes is the same for listening.
var subscribes = map[string][]string{
	"parley.room.*.event":      {"service", "observer", "admin"},
	"parley.room.lobby.event":  {"service", "observer", "admin"},
	"parley.beat.*.*":          {"roomsvc", "observer", "admin"},
	"parley.beat.roomsvc.*":    {"gateway", "roomsvc", "service", "observer", "admin"},
	"parley.beat.gateway.*":    {"roomsvc", "observer", "admin"},
	"parley.alive.g1":          {"gateway", "roomsvc", "service"},
	"parley.gateway.g1.>":      {"gateway", "service"},
	"parley.admin.disconnect":  {"gateway", "roomsvc"},
	"parley.admin.kick":        {"roomsvc"},
	"parley.gateway.g1.engine": {"gateway"},
	"_INBOX.abc.*":             {"gateway", "roomsvc", "service", "observer", "admin", "journal", "reader", "keeper"},

	// Who hears requests could answer them: the room service cannot be impersonated.
	"parley.rooms.*":        {"roomsvc"},
	"parley.rooms.create":   {"roomsvc"},
	"parley.roomsvc.r1.*":   {"roomsvc"},
	"parley.roomsvc.*.join": {"roomsvc"},
	"$SRV.PING":             {"roomsvc"},
	"$SRV.INFO.parley.x":    {"roomsvc"},

	// Nobody hears the journal but the stream, and nobody hears everything.
	"parley.journal.*":     nil,
	"parley.journal.lobby": nil,
	"parley.journal.>":     nil,
	"parley.>":             nil,
	"parley.gateway.>":     nil,
	">":                    nil,
	"*.*.*":                nil,
	"$JS.API.>":            nil,
	"$JS.ACK.>":            nil,
	"$SYS.>":               nil,
}

// logins are all but sys, which has the system account to itself.
var logins = []string{"gateway", "roomsvc", "service", "observer", "admin", "journal", "reader", "keeper"}

func TestEachLoginCanDoWhatItsRoleDoesAndNothingElse(t *testing.T) {
	c := startCluster(t)
	for _, login := range logins {
		t.Run(login, func(t *testing.T) {
			p := newProber(t, c, login)
			for subject, may := range publishes {
				p.expect(t, "publish to "+subject, slices.Contains(may, login), func() error {
					return p.nc.Publish(subject, nil)
				})
			}
			for subject, may := range subscribes {
				p.expect(t, "subscribe to "+subject, slices.Contains(may, login), func() error {
					sub, err := p.nc.SubscribeSync(subject)
					if err == nil {
						p.subs = append(p.subs, sub)
					}
					return err
				})
			}
		})
	}
}

// prober tries operations and learns of each whether the server refused it.
type prober struct {
	nc       *nats.Conn
	refusals chan string
	tried    int
	subs     []*nats.Subscription
}

func newProber(t *testing.T, c *cluster, login string) *prober {
	t.Helper()
	p := &prober{refusals: make(chan string, 64)}
	p.nc = c.login(t, login, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		p.refusals <- err.Error()
	}))
	return p
}

// expect does an operation, then one that every login is refused. The server
// reports refusals in order, so what was reported before the second was the first's.
func (p *prober) expect(t *testing.T, what string, allowed bool, operation func() error) {
	t.Helper()
	if err := operation(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	p.tried++
	mark := fmt.Sprintf("nobody.may.%d", p.tried)
	if err := p.nc.Publish(mark, nil); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var refused []string
	deadline := time.NewTimer(settle)
	defer deadline.Stop()
	for {
		select {
		case refusal := <-p.refusals:
			if !strings.Contains(refusal, mark) {
				refused = append(refused, refusal)
				continue
			}
		case <-deadline.C:
			t.Fatalf("%s: the server did not answer", what)
		}
		break
	}
	if allowed && len(refused) > 0 {
		t.Errorf("%s was refused: %s", what, refused)
	}
	if !allowed && len(refused) == 0 {
		t.Errorf("%s was allowed", what)
	}
}
