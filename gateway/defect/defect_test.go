package defect

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestAPanicIsAnErrorWithItsStackInTheLog(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("somebody: %w", Guard("the test", func() { panic("a lie") }))
	e, is := errors.AsType[*Error](err)
	if !is || e.Where != "the test" || !strings.Contains(err.Error(), "a lie") || !strings.Contains(err.Error(), string(e.ID)) {
		t.Fatalf("%v", err)
	}
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	if !Log(log, err, "client", "c") {
		t.Error("it is not logged")
	}
	for _, part := range []string{"TestAPanicIsAnError", string(e.ID), "client=c", "a lie"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the log lacks %q: %s", part, text.String())
		}
	}
}

func TestAnErrorThatIsNoDefectIsLeftAlone(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	if Guard("x", func() {}) != nil || Log(log, nil) || Log(log, errors.New("another")) || text.Len() > 0 {
		t.Errorf("%s", text.String())
	}
}
