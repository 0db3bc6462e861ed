package client_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/gateway/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask makes a request; headers are names and values in turn.
func ask(t *testing.T, method string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, client.Path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	client.Handler().ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheClientIsServedToEverybody(t *testing.T) {
	t.Parallel()
	plain := ask(t, http.MethodGet)
	text := read(t, plain.Body)
	if !strings.HasPrefix(text, "// parley-rtc 0.") || plain.Header.Get("Content-Type") != "text/javascript; charset=utf-8" ||
		plain.Header.Get("Access-Control-Allow-Origin") != "*" || plain.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("%v %.60q", plain.Header, text)
	}
	zipped := ask(t, http.MethodGet, "Accept-Encoding", "br;q=1.0, gzip;q=0.8")
	if n := zipped.ContentLength; zipped.Header.Get("Content-Encoding") != "gzip" || n > 12_000 {
		t.Errorf("%v, %d bytes", zipped.Header, n)
	}
	unzip, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if read(t, unzip) != text {
		t.Error("zipped it is another file")
	}
	for _, encoding := range []string{"", "br", "gzip;q=0", "gzip; q=0.0", "identity", "xgzip"} {
		if r := ask(t, http.MethodGet, "Accept-Encoding", encoding); r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%q is answered in %s", encoding, r.Header.Get("Content-Encoding"))
		}
	}
	head := ask(t, http.MethodHead)
	if head.StatusCode != http.StatusOK || read(t, head.Body) != "" {
		t.Errorf("HEAD: %d", head.StatusCode)
	}
}

func TestWhoHasTheClientIsNotSentItAgain(t *testing.T) {
	t.Parallel()
	plain, zipped := ask(t, http.MethodGet).Header.Get("ETag"), ask(t, http.MethodGet, "Accept-Encoding", "gzip").Header.Get("ETag")
	if plain == "" || plain == zipped {
		t.Errorf("the tags are %s and %s", plain, zipped)
	}
	for _, known := range []string{plain, "W/" + plain, `"other", ` + plain, "*"} {
		if r := ask(t, http.MethodGet, "If-None-Match", known); r.StatusCode != http.StatusNotModified || r.Header.Get("ETag") != plain || read(t, r.Body) != "" {
			t.Errorf("%s: %d", known, r.StatusCode)
		}
	}
	for _, known := range []string{"", `"other"`, zipped} {
		if r := ask(t, http.MethodGet, "If-None-Match", known); r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", known, r.StatusCode)
		}
	}
}

func TestTheClientCanOnlyBeRead(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if r := ask(t, method); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, r.StatusCode)
		}
	}
}
