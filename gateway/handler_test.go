package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAHandlerAnswers503BeforeRunAndAfter(t *testing.T) {
	t.Parallel()
	g, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		g.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ws", nil))
		return w
	}
	if w := ask(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("before: %d %v", w.Code, w.Header())
	}
	g.front.gate.open()
	if w := ask(); w.Code == http.StatusServiceUnavailable {
		t.Errorf("while it runs: %d", w.Code)
	}
	g.front.gate.close(t.Context())
	if w := ask(); w.Code != http.StatusServiceUnavailable {
		t.Errorf("after: %d", w.Code)
	}
}
