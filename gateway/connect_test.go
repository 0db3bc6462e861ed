package gateway

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

func TestThatNATSIsAwayIsSaidOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		g := &Gateway{log: slog.New(slog.NewTextHandler(&out, nil))}
		failed := g.unreached()
		for range 150 { // attempts, one a second
			failed(&nats.Conn{}, errors.New("connection refused"))
			<-time.After(time.Second)
		}
		if n := strings.Count(out.String(), "NATS cannot be reached"); n != 3 {
			t.Errorf("said %d times in 150 s:\n%s", n, out.String())
		}
	})
}
