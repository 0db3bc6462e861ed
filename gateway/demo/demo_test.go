package demo_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	urlpath "path"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/gateway/client"
	"github.com/parley-rtc/parley/gateway/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// paths is what the page consists of, with the type that each is served as.
var paths = map[string]string{
	"/":            "text/html; charset=utf-8",
	"/style.css":   "text/css; charset=utf-8",
	"/app.js":      "text/javascript; charset=utf-8",
	"/host.js":     "text/javascript; charset=utf-8",
	"/devices.js":  "text/javascript; charset=utf-8",
	"/links.js":    "text/javascript; charset=utf-8",
	"/screen.js":   "text/javascript; charset=utf-8",
	"/media.js":    "text/javascript; charset=utf-8",
	"/tiles.js":    "text/javascript; charset=utf-8",
	"/favicon.svg": "image/svg+xml",
}

func ask(t *testing.T, method, path, host string, header http.Header) *http.Response {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	request.Host = host
	maps.Copy(request.Header, header)
	recorder := httptest.NewRecorder()
	demo.Handler().ServeHTTP(recorder, request)
	return recorder.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryFileComesWithItsHeaders(t *testing.T) {
	t.Parallel()
	for path, contentType := range paths {
		response := ask(t, http.MethodGet, path, "parley.test:8080", nil)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, response.StatusCode)
		}
		want := map[string]string{
			"Content-Type": contentType,
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; " +
				"connect-src 'self' ws://parley.test:8080 wss://parley.test:8080; base-uri 'none'; form-action 'none'; " +
				"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Permissions-Policy":         "camera=(self), microphone=(self), geolocation=(), display-capture=(self), speaker-selection=(self)",
			"Cache-Control":              "no-cache",
		}
		for name, value := range want {
			if got := response.Header.Get(name); got != value {
				t.Errorf("%s: %s is\n  %q, not\n  %q", path, name, got, value)
			}
		}
		if len(body(t, response)) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
}

func TestAFileThatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for path := range paths {
		etag := ask(t, http.MethodGet, path, "parley.test", nil).Header.Get("ETag")
		if other, twice := seen[etag]; twice || !regexp.MustCompile(`^"[\w-]+"$`).MatchString(etag) {
			t.Errorf("%s: ETag %q (seen before at %q)", path, etag, other)
		}
		seen[etag] = path
		response := ask(t, http.MethodGet, path, "parley.test", http.Header{"If-None-Match": {etag}})
		if response.StatusCode != http.StatusNotModified {
			t.Errorf("%s: status %d for a known ETag", path, response.StatusCode)
		}
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
		response := ask(t, method, "/", "parley.test", nil)
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, response.StatusCode, response.Header.Get("Allow"))
		}
	}
	head := ask(t, http.MethodHead, "/", "parley.test", nil)
	if head.StatusCode != http.StatusOK || body(t, head) != "" || head.Header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: status %d, Content-Length %q", head.StatusCode, head.Header.Get("Content-Length"))
	}
}

func TestWhatIsNotThePageIsNotFound(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/index.html", "/assets/app.js", "/app.js/", "/parley/", "/parley", "/demo.go", "/ws", "//", "/../demo.go", "/%2e%2e/demo.go"} {
		response := ask(t, http.MethodGet, path, "parley.test", nil)
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, response.StatusCode)
		}
		if response.Header.Get("Content-Security-Policy") == "" || response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: not found without the headers of the page", path)
		}
	}
}

func TestAHostHeaderCannotWriteThePolicy(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"x; script-src *", "x;script-src'unsafe-inline'", "x, y", "*", "*.example.org", "[::1]:8080", "a b", "", strings.Repeat("a", 300)} {
		policy := ask(t, http.MethodGet, "/", host, nil).Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "connect-src 'self';") {
			t.Errorf("host %q stands in the policy: %s", host, policy)
		}
	}
	for _, host := range []string{"localhost:8080", "127.0.0.1:1", "parley.example.org"} {
		policy := ask(t, http.MethodGet, "/", host, nil).Header.Get("Content-Security-Policy")
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "data:") {
			t.Errorf("the policy is not strict: %s", policy)
		}
	}
}

// The policy forbids inline script and style and every other host; what needs
// one of them would fail in the browser alone, and silently.
func TestThePageNeedsNothingThatItsPolicyForbids(t *testing.T) {
	t.Parallel()
	page := body(t, ask(t, http.MethodGet, "/", "parley.test", nil))
	for _, forbidden := range []string{`<script[^>]*>[^<]`, `<style`, `\sstyle=`, `\son\w+=`, `(src|href)="(https?:)?//`} {
		if found := regexp.MustCompile(forbidden).FindString(page); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
	imported := regexp.MustCompile(`(?m)^(?:import|export) [^;]*"(\.[^"]*)";`)
	for path := range paths {
		if !strings.HasSuffix(path, ".js") {
			continue
		}
		script := body(t, ask(t, http.MethodGet, path, "parley.test", nil))
		if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|import\(`).FindString(script); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		for _, module := range imported.FindAllStringSubmatch(script, -1) {
			if target := urlpath.Join(urlpath.Dir(path), module[1]); paths[target] == "" && target != client.Path { // that is the gateway's
				t.Errorf("%s imports %s, which is not served", path, target)
			}
		}
	}
	for _, reference := range regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		if _, served := paths[reference[1]]; !served && reference[1] != client.Path {
			t.Errorf("the page refers to %s, which is not served", reference[1])
		}
	}
}
