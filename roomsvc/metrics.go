package roomsvc

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// relayed is the outcome of a signal that was handed to its target's gateway, which answers it.
const relayed = "relayed"

// metrics are what operators see. All children are resolved when the service is made: counting is one atomic addition.
type metrics struct {
	outcomes  map[proto.Op]map[string]prometheus.Counter
	seconds   map[proto.Op]prometheus.Observer
	relays    prometheus.Counter
	rooms     prometheus.Gauge
	members   prometheus.Gauge
	appends   map[string]prometheus.Counter
	appending prometheus.Histogram
	removed   prometheus.Counter
	retold    prometheus.Counter
	dropped   map[string]prometheus.Counter
	overflows map[string]prometheus.Counter
	passwords map[string]prometheus.Counter
	knocks    prometheus.Gauge
	skipped   prometheus.Counter
	unsent    prometheus.Counter
}

// registered makes the metrics and registers them, if there is where. A registry takes those of one replica.
func registered(reg prometheus.Registerer, replicas, gateways func() float64) (*metrics, error) {
	all := prometheus.NewRegistry()
	m := newMetrics(all, replicas, gateways)
	if reg == nil {
		return m, nil
	}
	if err := reg.Register(all); err != nil {
		return nil, fmt.Errorf("the registry has a replica's metrics already: use another, or prometheus.WrapRegistererWith: %w", err)
	}
	return m, nil
}

// newMetrics registers them. replicas and gateways count who is up whenever somebody looks.
func newMetrics(reg prometheus.Registerer, replicas, gateways func() float64) *metrics {
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "parley", Subsystem: "roomsvc", Name: "replicas", Help: "Replicas that are up, as this one sees it.",
		}, replicas),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "parley", Subsystem: "roomsvc", Name: "gateways", Help: "Gateways that are not gone, as this replica sees it.",
		}, gateways),
	)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		vec := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: "roomsvc", Name: name, Help: help},
			labels)
		reg.MustRegister(vec)
		return vec
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "roomsvc", Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	buckets := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "parley", Subsystem: "roomsvc", Name: "request_seconds", Buckets: buckets,
		Help: "From a request's arrival to its answer; signals that are relayed at once are not timed.",
	}, []string{"op"})
	m := &metrics{
		outcomes: make(map[proto.Op]map[string]prometheus.Counter),
		seconds:  make(map[proto.Op]prometheus.Observer),
		appends:  make(map[string]prometheus.Counter),
		dropped:  make(map[string]prometheus.Counter),
		rooms:    gauge("rooms", "Rooms in memory."),
		members:  gauge("members", "Members of the rooms in memory."),
		appending: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "parley", Subsystem: "roomsvc", Name: "journal_append_seconds", Buckets: buckets,
			Help: "From the first attempt of an append to its being settled.",
		}),
		overflows: make(map[string]prometheus.Counter),
		passwords: make(map[string]prometheus.Counter),
		knocks:    gauge("knocks", "Clients that knock at rooms whose requests this replica answers."),
	}
	reg.MustRegister(seconds, m.appending)
	requests := counter("requests_total", "Requests answered, by operation and outcome.", "op", "outcome")
	for _, op := range proto.Ops() {
		m.seconds[op] = seconds.WithLabelValues(string(op))
		m.outcomes[op] = make(map[string]prometheus.Counter)
		for _, outcome := range outcomes(op) {
			m.outcomes[op][outcome] = requests.WithLabelValues(string(op), outcome)
		}
	}
	m.relays = m.outcomes[proto.OpSignal][relayed]
	appends := counter("journal_appends_total", "Appends by outcome: committed, refused (decided again), given up.", "outcome")
	for _, outcome := range []string{"committed", "refused", "given-up"} {
		m.appends[outcome] = appends.WithLabelValues(outcome)
	}
	m.removed = counter("removed_members_total", "Members removed because their gateway is gone.").WithLabelValues()
	m.retold = counter("retold_total", "Changes told again after a reconnection or for a replica that is gone.").WithLabelValues()
	m.skipped = counter("skipped_records_total", "Journal records that did not decode and were left alone.").WithLabelValues()
	m.unsent = counter("unsent_messages_total", "Answers and events that could not be sent; nats was away.").WithLabelValues()
	dropped := counter("dropped_requests_total", "Requests dropped without an answer, by reason.", "reason")
	for _, reason := range []string{"reply-subject", "no-reply"} {
		m.dropped[reason] = dropped.WithLabelValues(reason)
	}
	overflows := counter("queue_overflows_total", "Times that a queue was full.", "queue")
	for _, queue := range []string{"mailbox", "active", "room", "list", "subscription"} {
		m.overflows[queue] = overflows.WithLabelValues(queue)
	}
	passwords := counter("passwords_total", "Passwords of rooms that were looked at, or (refused) not, since too many were.", "outcome")
	for _, outcome := range []string{"right", "wrong", "refused"} {
		m.passwords[outcome] = passwords.WithLabelValues(outcome)
	}
	return m
}

// password counts a password that was looked at.
func (m *metrics) password(right bool) {
	if right {
		m.passwords["right"].Inc()
		return
	}
	m.passwords["wrong"].Inc()
}

// outcomes lists what a request of an operation can come to.
func outcomes(op proto.Op) []string {
	list := []string{
		string(proto.CodeBadRequest), string(proto.CodeUnavailable), string(proto.CodeInternal), string(proto.CodeRoomFull),
	}
	if op.Changes() {
		list = append(list, string(proto.Fenced), string(proto.CodeResumeFirst))
	}
	var names []proto.Name
	switch op {
	case proto.OpCreate:
		names = []proto.Name{proto.RoomCreated, proto.RoomExists}
	case proto.OpJoin:
		names = []proto.Name{proto.RoomJoined, proto.RoomNotExists}
	case proto.OpEnter:
		names = []proto.Name{proto.RoomCreated, proto.RoomJoined}
	case proto.OpResume:
		names = []proto.Name{proto.Resumed, proto.NotInRoom}
	case proto.OpLeave:
		names = []proto.Name{proto.RoomLeft, proto.NotInRoom}
	case proto.OpClose:
		names = []proto.Name{proto.RoomLeft, proto.NotInRoom, proto.Name(proto.CodeForbidden)}
	case proto.OpSignal:
		names = []proto.Name{relayed, proto.PushIt, proto.NotInRoom, proto.TargetNotFound}
	case proto.OpRoster:
		names = []proto.Name{proto.Roster, proto.RoomNotExists}
	case proto.OpList:
		names = []proto.Name{proto.Rooms}
	default:
		names = moderated(op)
	}
	if op.Moderates() || op == proto.OpCreate || op == proto.OpJoin || op == proto.OpEnter || op == proto.OpResume || op == proto.OpKnock {
		for _, code := range []proto.Code{
			proto.CodeForbidden, proto.CodeLocked, proto.CodeBadPassword, proto.CodeBanned, proto.CodeRateLimited, proto.CodeTooManyBans,
		} {
			if !slices.Contains(names, proto.Name(code)) {
				names = append(names, proto.Name(code))
			}
		}
	}
	for _, name := range names {
		list = append(list, string(name))
	}
	return list
}

// moderated lists what a request of names and moderation can come to, beside errors.
func moderated(op proto.Op) []proto.Name {
	names := map[proto.Op][]proto.Name{
		proto.OpMember:   {proto.MemberUpdated, proto.NotInRoom},
		proto.OpKick:     {proto.ClientKicked, proto.TargetNotFound, proto.RoomNotExists},
		proto.OpBan:      {proto.ClientBanned, proto.TargetNotFound, proto.RoomNotExists},
		proto.OpUnban:    {proto.ClientUnbanned, proto.RoomNotExists},
		proto.OpUpdate:   {proto.RoomUpdated, proto.RoomNotExists},
		proto.OpTransfer: {proto.RoomUpdated, proto.TargetNotFound, proto.RoomNotExists},
		proto.OpKnock:    {proto.KnockPending, proto.KnockAdmitted, proto.RoomNotExists},
		proto.OpAdmit:    {proto.ClientAdmitted, proto.TargetNotFound, proto.RoomNotExists},
		proto.OpRefuse:   {proto.ClientRefused, proto.TargetNotFound, proto.RoomNotExists},
		proto.OpAbout:    {proto.RoomRoster, proto.RoomNotExists},
		proto.OpRevoked:  {proto.Revoked},
	}
	return names[op]
}

// answered counts a request that was answered with an event. took is 0 where it was not timed.
func (m *metrics) answered(op proto.Op, e *proto.Event, took time.Duration) {
	outcome := string(e.Name)
	if e.Name == proto.Error {
		outcome = string(e.Code)
	}
	if c := m.outcomes[op][outcome]; c != nil {
		c.Inc()
	}
	if s := m.seconds[op]; s != nil && took > 0 {
		s.Observe(took.Seconds())
	}
}

func (m *metrics) overflow(queue string) { m.overflows[queue].Inc() }

// count counts what a worker does.
func (m *metrics) count(what worker.Counter, n int) {
	by := float64(n)
	switch what {
	case worker.Rooms:
		m.rooms.Add(by)
	case worker.Knocks:
		m.knocks.Add(by)
	case worker.Members:
		m.members.Add(by)
	case worker.Committed:
		m.appends["committed"].Add(by)
	case worker.Refused:
		m.appends["refused"].Add(by)
	case worker.GivenUp:
		m.appends["given-up"].Add(by)
	case worker.Removed:
		m.removed.Add(by)
	case worker.Retold:
		m.retold.Add(by)
	case worker.FullRoom:
		m.overflow("room")
	case worker.FullWorker:
		m.overflow("active")
	case worker.Underway: // the service counts those itself
	}
}
