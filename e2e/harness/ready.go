package harness

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// Await returns as soon as the condition holds, and ends the test when it does not within [Patience]. It belongs into
// the test's own goroutine.
func Await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	AwaitFor(tb, Patience, what, holds)
}

// AwaitFor is [Await] with a bound of its own. It returns how long it took.
func AwaitFor(tb testing.TB, bound time.Duration, what string, holds func() bool) time.Duration {
	tb.Helper()
	start := time.Now()
	deadline := time.NewTimer(bound)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatalf("not within %v: %s", bound, what)
		}
	}
	return time.Since(start)
}

// Ready waits until the process answers /readyz with 200.
func (p *Process) Ready(tb testing.TB) {
	tb.Helper()
	url := "http://" + p.Addr(tb, "ops") + "/readyz"
	Await(tb, p.Name+" is ready", func() bool {
		select {
		case <-p.done:
			tb.Fatalf("harness: %s ended with %d before it was ready:\n%s", p.Name, p.code, p.Tail(tail))
		default:
		}
		status, _ := Get(tb, url)
		return status == http.StatusOK
	})
}

// client asks for ops pages; it keeps no connections, so that none outlives a test.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

// Get returns the status and the body of a page, and status 0 when there is no answer.
func Get(tb testing.TB, url string) (int, string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(body)
}

// Ops asks for a page of the process's ops address.
func (p *Process) Ops(tb testing.TB, path string) (int, string) {
	tb.Helper()
	return Get(tb, "http://"+p.Addr(tb, "ops")+path)
}

// WS returns where the process's clients connect.
func (p *Process) WS(tb testing.TB) string {
	tb.Helper()
	return "ws://" + p.Addr(tb, "clients") + "/ws"
}
