package main

import (
	"strings"
	"testing"
)

func TestFlagsThatLeaveNothingToMeasureAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		only, systems, says string
	}{
		{"", "floor,parley", ""},
		{"join", "floor", ""},
		{"join,rate-50", "floor", "plain/join, plain/fill"},
		{"", "flor", `no "flor"`},
		{"socketio/", "floor", "leaves no scenario"}, // it does not speak Socket.IO
	} {
		s := settings{Only: c.only, Systems: strings.Split(c.systems, ",")}
		err := s.check(s.names())
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("--only %q --systems %s: %v", c.only, c.systems, err)
		}
	}
}
