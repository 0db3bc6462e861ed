package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyAGoodAnswerIsHealthy(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
	}))
	if err := check(t.Context(), server.URL); err != nil {
		t.Errorf("200: %v", err)
	}
	status = http.StatusServiceUnavailable
	if err := check(t.Context(), server.URL); err == nil {
		t.Error("503 passes for healthy")
	}
	server.Close()
	if err := check(t.Context(), server.URL); err == nil {
		t.Error("nobody there passes for healthy")
	}
}
