package payload

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/services/internal/settings"
	"github.com/parley-rtc/parley/testkit"
)

func TestWhatDoesNotFitIntoAMessageIsASetting(t *testing.T) {
	t.Parallel()
	const mega = 1 << 20
	for _, c := range []struct {
		need Need
		most int64
		says string
	}{
		{Need{}, 1, ""},
		{Need{Frame: 65536, Members: 1024, Checks: true}, mega, ""},
		{Need{Frame: mega - overhead}, mega, ""},
		{Need{Frame: mega - overhead + 1}, mega, "set --max-frame to 1046528 at most"},
		{Need{Members: 3537}, mega, ""},
		{Need{Members: 3538}, mega, "set --max-members to 3537 at most, or raise max_payload to 1048"},
		{Need{Members: 10}, 400_000, "raise max_payload to 484"},
		{Need{Checks: true}, 65536, "max_payload"},
		{Need{Frame: 65536}, 1000, "--max-frame"},
	} {
		err := c.need.Check(c.most)
		if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%+v with %d: %v", c.need, c.most, err)
		}
	}
}

func TestTheSettingsAreHeldAgainstTheServerThatIsReached(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t, testkit.Configure(func(o *server.Options) { o.MaxPayload = 300_000 }))
	log := slog.New(slog.DiscardHandler)
	if err := (Need{Frame: 65536, Checks: true}).Watch(ended(t), log, n.URL(), n.Options()); err != nil {
		t.Errorf("what fits: %v", err)
	}
	if err := (Need{Frame: 400_000}).Watch(t.Context(), log, n.URL(), n.Options()); !errors.Is(err, settings.ErrSetting) {
		t.Errorf("what does not fit: %v", err)
	}
	n.Stop()
	if err := (Need{Frame: 400_000}).Watch(ended(t), log, n.URL(), n.Options()); err != nil {
		t.Errorf("nobody is there: %v", err)
	}
}

func TestALoginThatIsRefusedIsAnError(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t, testkit.Listen(), testkit.Configure(func(o *server.Options) { o.Username, o.Password = "me", "secret" }))
	if err := (Need{}).Watch(t.Context(), slog.New(slog.DiscardHandler), n.URL(), n.Options()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("%v", err)
	}
}

// ended is a context that has ended: Watch asks once and returns.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
