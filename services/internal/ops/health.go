package ops

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/parley-rtc/parley/services/internal/settings"
)

// healthTimeout is less than what container runtimes give a check by default.
const healthTimeout = 2500 * time.Millisecond

// Health asks the process whose ops server listens on an address whether it is ready, and returns nil or why not: what a
// container's health check runs.
func Health(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return settings.Errorf("--ops-listen %q is no address: set it to host:port or :port", address)
	}
	if port == "0" {
		return settings.Errorf("--health cannot find a program whose --ops-listen has port 0: set it to the port that its log names")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("nothing answers at --ops-listen %s: %w; start the program, or set --ops-listen to where it listens", address, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1024))
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the program answers %d: %s", res.StatusCode, strings.TrimSpace(string(text)))
	}
	return nil
}
