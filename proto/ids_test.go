package proto

import (
	"errors"
	"strings"
	"testing"
)

func TestRoomNamesAreBoundedTextWithoutControlCharacters(t *testing.T) {
	t.Parallel()
	for _, r := range []Room{"a", "ü", "a b", "*", ">", "a.b", "__proto__", Room(strings.Repeat("x", 128)), "\u00a0", "日本"} {
		if err := r.Check(); err != nil {
			t.Errorf("%q: %v", r, err)
		}
	}
	for _, r := range []Room{"", "a\x00", "\t", "a\n", "\x7f", "\u0080", "\u009f", "\xff", "a\xc3", Room(strings.Repeat("ü", 65)), Room(strings.Repeat("x", 10_000))} {
		if err := r.Check(); !errors.Is(err, ErrRoomName) {
			t.Errorf("%.20q: %v", r, err)
		}
	}
}

func TestIDsHaveOnlyWhatStandsInASubject(t *testing.T) {
	t.Parallel()
	for range 100 {
		if err := errors.Join(NewClientID().Check(), NewGatewayID().Check(), NewReplicaID().Check(), NewRequestID().Check()); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"", "a.b", "*", ">", "a b", "ü", "a\n", strings.Repeat("a", 65)} {
		if err := ClientID(id).Check(); !errors.Is(err, ErrClientID) {
			t.Errorf("client %q: %v", id, err)
		}
		if err := GatewayID(id).Check(); !errors.Is(err, ErrProcessID) {
			t.Errorf("gateway %q: %v", id, err)
		}
		if err := ReplicaID(id).Check(); !errors.Is(err, ErrProcessID) {
			t.Errorf("replica %q: %v", id, err)
		}
		if err := RequestID(id).Check(); !errors.Is(err, ErrRequestID) {
			t.Errorf("request %q: %v", id, err)
		}
	}
	if err := ClientID(strings.Repeat("a", 19)).Check(); !errors.Is(err, ErrClientID) {
		t.Errorf("a client id of 19 characters: %v", err)
	}
}
