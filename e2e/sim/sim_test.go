package sim_test

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/e2e/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runs is how many runs each test makes: some ten seconds on two cores.
const runs = 1000

func TestRuns(t *testing.T) {
	t.Parallel()
	try(t, sim.Of)
}

func TestRunsWithSessions(t *testing.T) {
	t.Parallel()
	try(t, sim.OfSessions)
}

func TestRunsWithModeration(t *testing.T) {
	t.Parallel()
	try(t, sim.OfModeration)
}

// try makes one run with its trace, or many.
func try(t *testing.T, of func(seed uint64) sim.Options) {
	t.Helper()
	if seed, err := strconv.ParseUint(os.Getenv("PARLEY_SIM_SEED"), 10, 64); err == nil {
		o := of(seed)
		o.Trace = true
		fault, trace := sim.Run(seed, o)
		t.Log("\n" + strings.Join(trace, "\n"))
		if fault != "" {
			t.Errorf("PARLEY_SIM_SEED=%d: %s", seed, fault)
		}
		return
	}
	n, err := strconv.ParseUint(os.Getenv("PARLEY_SIM_RUNS"), 10, 64)
	if err != nil {
		n = runs
	}
	var next atomic.Uint64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1); seed <= n && !t.Failed(); seed = next.Add(1) {
				run(t, seed, of(seed))
			}
		})
	}
	wg.Wait()
}

// run makes a run, and once more with its trace if it fails.
func run(t *testing.T, seed uint64, o sim.Options) {
	t.Helper()
	fault, _ := sim.Run(seed, o)
	if fault == "" {
		return
	}
	o.Trace = true
	again, trace := sim.Run(seed, o)
	if again != fault {
		t.Errorf("PARLEY_SIM_SEED=%d: %s\nand once more, which should be the same: %s", seed, fault, again)
		return
	}
	const most = 400
	t.Errorf("%s\n\nPARLEY_SIM_SEED=%d: %s", strings.Join(trace[max(0, len(trace)-most):], "\n"), seed, fault)
}

func TestASeedRepeatsARun(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		o := sim.Of(seed)
		if seed >= 20 {
			o = sim.OfSessions(seed)
		}
		o.Trace = true
		_, first := sim.Run(seed, o)
		_, again := sim.Run(seed, o)
		if !slices.Equal(first, again) {
			i := 0
			for i < min(len(first), len(again)) && first[i] == again[i] {
				i++
			}
			t.Fatalf("seed %d differs at line %d of %d and %d", seed, i, len(first), len(again))
		}
	}
}

// A simulation in which nothing happens proves nothing.
func TestRunsSeeWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	see(t, sim.Of, []string{
		`hears {"event":"room-created"`, `hears {"event":"room-joined"`, `hears {"event":"room-exists"`, `"kicked":true`,
		`hears {"event":"signal-receive"`, `hears {"event":"signal-sent"`, `hears {"event":"target-not-found"`, `"unavailable"`,
		"roster", "is checked", "is cut off", " leads", "there is no leader", "is lost", "is refused", "is killed", "sleeps",
		"counts gateway", "counts replica", `"owner-lost"`, "room-full",
	})
}

func TestRunsWithSessionsSeeWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	see(t, sim.OfSessions, []string{
		`hears {"event":"resumed"`, `hears {"event":"live"`, `"lost":{}`, `"lost":{"`, `hears {"event":"client-back"`, `"fresh":true`,
		`hears {"event":"client-away"`, `hears {"event":"signal-held"`, `"away":["`, `"fresh":["`, `"resume-first"`, `"forbidden"`, `"too-old"`,
		`"state":"taken"`, `"state":"away"`, `"state":"waits"`, `"state":"full"`, `"state":"moved"`, `"state":"none"`,
		`"event":"confirm"`, `"event":"ask"`, `"event":"told"`, `"event":"hand-over"`, `"event":"handed-over"`, `"sure":`,
		"is resumed elsewhere", "never reads", "drains", "is away", "does not come back", "vanishes", "is loaded anew",
		`"event":"fenced"`, `"event":"push-it"`, `"ownerId":""`, `"reason":"lost"`,
	})
}

func TestRunsWithModerationSeeWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	see(t, sim.OfModeration, []string{
		`hears {"event":"client-kicked"`, `hears {"event":"client-banned"`, `hears {"event":"client-unbanned"`,
		`hears {"event":"room-updated"`, `hears {"event":"member-updated"`, `hears {"event":"room-roster"`,
		`hears {"event":"client-knocked"`, `hears {"event":"knock-pending"`, `hears {"event":"knock-admitted"`, `hears {"event":"knock-refused"`,
		`hears {"event":"client-admitted"`, `hears {"event":"client-refused"`, `"reason":"kicked","message":"out"`, `"reason":"banned"`,
		`"code":"locked"`, `"code":"bad-password"`, `"code":"banned"`, `"code":"forbidden"`, `"code":"rate-limited"`,
		"removed from this room a moment ago", "the owner cannot be removed", "a ban needs tokens",
		`"kicked":[`, `"bans":[`, `"ownerSub":`, `"by":"client-`, `"event":"fenced"`,
	})
}

// see fails when runs never see something.
func see(t *testing.T, of func(seed uint64) sim.Options, missing []string) {
	t.Helper()
	for seed := uint64(1); seed < 300 && len(missing) > 0; seed++ {
		o := of(seed)
		o.Trace = true
		_, trace := sim.Run(seed, o)
		all := strings.Join(trace, "\n")
		missing = slices.DeleteFunc(missing, func(what string) bool { return strings.Contains(all, what) })
	}
	if len(missing) > 0 {
		t.Errorf("never seen: %q", missing)
	}
}
