package gateway

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

func TestATurnIsLetInOnce(t *testing.T) {
	t.Parallel()
	var s sightings
	now := time.Now()
	for i, step := range []struct {
		turn int64
		want error
	}{{1, nil}, {1, link.Resumed}, {3, nil}, {2, link.Resumed}, {3, link.Resumed}, {4, nil}} {
		if err := s.enter("ann", step.turn, now); !errors.Is(err, step.want) {
			t.Errorf("%d: turn %d: %v", i, step.turn, err)
		}
	}
	if err := s.enter("bob", 1, now); err != nil {
		t.Errorf("another session: %v", err)
	}
	for range 3 {
		s.leave("ann", now)
	}
	if err := s.enter("ann", 4, now.Add(sightFor/2)); !errors.Is(err, link.Resumed) {
		t.Errorf("a turn whose connection is over: %v", err)
	}
}

func TestASessionConnects20TimesIn10SecondsAndNoMore(t *testing.T) {
	t.Parallel()
	var s sightings
	now := time.Now()
	for i := range 20 {
		if err := s.enter("ann", int64(i+1), now.Add(time.Duration(i)*time.Second/10)); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := s.enter("ann", 21, now.Add(9*time.Second)); !errors.Is(err, link.TooOften) {
		t.Errorf("the 21st in 10 s: %v", err)
	}
	if err := s.enter("ann", 21, now.Add(10*time.Second)); err != nil {
		t.Errorf("10 s after the first: %v", err)
	}
	if err := s.enter("ann", 22, now.Add(10*time.Second)); !errors.Is(err, link.TooOften) {
		t.Errorf("the 21st of those 10 s: %v", err)
	}
}

// Whoever makes keys, and there are as many as one likes, makes nobody forget those who are here.
func TestSessionsThatAreGoneAreForgottenAndOthersAreNot(t *testing.T) {
	t.Parallel()
	var s sightings
	now := time.Now()
	if err := s.enter("ann", 7, now); err != nil {
		t.Fatal(err)
	}
	for i := range maxSights + 100 {
		id := proto.ClientID(fmt.Sprint(i))
		if err := s.enter(id, 1, now); err != nil {
			t.Fatal(err)
		}
		s.leave(id, now)
	}
	if err := s.enter("ann", 7, now.Add(time.Hour)); !errors.Is(err, link.Resumed) {
		t.Errorf("one who is here: %v", err)
	}
	if len(s.by) != 1 || len(s.gone) != 0 {
		t.Errorf("an hour later %d are remembered, %d in order", len(s.by), len(s.gone))
	}
	for i := range maxSights + 100 {
		id := proto.ClientID(fmt.Sprint(i))
		if err := s.enter(id, 1, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		s.leave(id, now.Add(time.Hour))
	}
	if len(s.by) > maxSights+2 {
		t.Errorf("%d are remembered", len(s.by))
	}
}

// One that is gone, comes back and goes again is remembered from then on.
func TestASessionThatComesBackIsNotForgottenForHavingBeenGone(t *testing.T) {
	t.Parallel()
	var s sightings
	now := time.Now()
	_ = s.enter("ann", 1, now)
	s.leave("ann", now)
	_ = s.enter("ann", 2, now.Add(sightFor-time.Second))
	s.leave("ann", now.Add(sightFor-time.Second))
	if err := s.enter("ann", 2, now.Add(sightFor+time.Second)); !errors.Is(err, link.Resumed) {
		t.Errorf("it was forgotten: %v", err)
	}
}
