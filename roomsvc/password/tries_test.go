package password

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

func TestFiveWrongPasswordsAMinuteAndNoMore(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	var tries Tries
	for i := range most {
		if !tries.May(now, "user bob", "a") {
			t.Errorf("after %d wrong ones bob may not try", i)
		}
		for range 3 { // a request that is repeated counts once
			tries.Wrong(now.Add(time.Duration(i)*time.Second), "user bob", "a", proto.RequestID(fmt.Sprint(i)))
		}
	}
	for _, c := range []struct {
		after time.Duration
		who   string
		room  proto.Room
		may   bool
	}{
		{5 * time.Second, "user bob", "a", false},
		{5 * time.Second, "user bob", "b", false}, // by user
		{5 * time.Second, "user eve", "a", false}, // by room
		{5 * time.Second, "user eve", "b", true},
		{window - 1, "user bob", "a", false},
		{window, "user bob", "a", true}, // the first one is over
	} {
		if may := tries.May(now.Add(c.after), c.who, c.room); may != c.may {
			t.Errorf("after %s, %s at %s: %v", c.after, c.who, c.room, may)
		}
	}
}

func TestWrongPasswordsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	var tries Tries
	for i := range maxKnown / 2 {
		tries.Wrong(now, fmt.Sprint("user ", i), proto.Room(fmt.Sprint("room ", i)), "r")
	}
	if tries.May(now, "user new", "new") {
		t.Error("one more may try than are counted")
	}
	if !tries.May(now.Add(window), "user new", "new") || len(tries.wrong) != 0 {
		t.Errorf("a minute later %d are counted", len(tries.wrong))
	}
}
