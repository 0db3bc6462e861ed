package proto

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func everybody(*Member) bool { return true }

// membersOf returns the members that stays name.
func membersOf(s *Stays) []Member {
	members := make([]Member, 0, len(s.Order))
	for _, id := range s.Order {
		v := s.Members[id]
		members = append(members, Member{ID: id, Gateway: v.Gateway, Request: v.Request, Turn: v.Turn, Keep: v.Keep, Since: v.Since})
	}
	return members
}

// drawMembers draws members with and without sessions, each with an id of its own.
func drawMembers(t *rapid.T) []Member {
	ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z0-9_-]{1,8}`), 0, 6, rapid.ID).Draw(t, "ids")
	members := make([]Member, 0, len(ids))
	for _, id := range ids {
		m := Member{ID: ClientID(id), Gateway: rapid.SampledFrom([]GatewayID{"g1", "g2", "g-3"}).Draw(t, "gateway")}
		m.Request = RequestID(rapid.StringMatching(`[A-Za-z0-9_-]{1,8}`).Draw(t, "request"))
		if rapid.Bool().Draw(t, "own") {
			m.Request = RequestID(m.Gateway) + "-" + m.Request
		}
		drawStay(t, &m)
		members = append(members, m)
	}
	return members
}

// drawStay gives a member a session, or not.
func drawStay(t *rapid.T, m *Member) {
	if rapid.Bool().Draw(t, "session") {
		m.Turn, m.Keep = rapid.Int64Range(1, MaxTurn).Draw(t, "turn"), rapid.IntRange(0, MaxKeep).Draw(t, "keep")
	}
	if rapid.Bool().Draw(t, "later") {
		m.Since = rapid.Uint64().Draw(t, "since")
	}
}

func TestStaysAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t)
		resumable := func(m *Member) bool { return m.Turn > 0 }
		pick := rapid.SampledFrom([]func(*Member) bool{everybody, resumable}).Draw(t, "pick")
		want := Stays{Before: rapid.SampledFrom([]GatewayID{"", "g9"}).Draw(t, "before"), Members: map[ClientID]Stay{}, Order: []ClientID{}}
		for i := range members {
			if m := &members[i]; pick(m) {
				want.Members[m.ID], want.Order = m.Stay(), append(want.Order, m.ID)
			}
		}
		header := string(AppendStays([]byte("x"), want.Before, members, pick))
		got, err := DecodeStays(strings.TrimPrefix(header, "x"))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %+v, %v\nexpected %+v", header, got, err, want)
		}
		for id, s := range got.Members {
			if s.Resumable() != (s.Turn > 0) {
				t.Fatalf("%s is resumable: %t, with turn %d", id, s.Resumable(), s.Turn)
			}
		}
	})
}

// A header is a line of text.
func TestStaysHaveNoLineBreaks(t *testing.T) {
	t.Parallel()
	header := AppendStays(nil, "g\r\n1", []Member{{ID: "a\nb", Gateway: "g\n", Request: "r\r"}}, everybody)
	if strings.ContainsAny(string(header), "\r\n") {
		t.Errorf("%q", header)
	}
}

func TestStaysHaveAtMost75BytesAMember(t *testing.T) {
	t.Parallel()
	r := roomOf(1000)
	for i := range r.Members {
		r.Members[i].Turn, r.Members[i].Keep, r.Members[i].Since = 3, 30, uint64(100_000+i)
	}
	if each := len(AppendStays(nil, "", r.Members, everybody)) / len(r.Members); each > 75 {
		t.Errorf("%d bytes a member", each)
	}
}

func TestWhatASenderAddsToStaysIsIgnored(t *testing.T) {
	t.Parallel()
	s, err := DecodeStays(`{"x":[1],"count":1,"gateways":["g"],"y":"z","members":[["a",0,".1",2,30,5]]}`)
	if want := (Stay{Gateway: "g", Request: "g-1", Turn: 2, Keep: 30, Since: 5}); err != nil || s.Members["a"] != want {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestStaysThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	const good = `{"count":1,"before":"h","gateways":["g"],"members":[["a",0,".1",2,30,5]]}`
	if _, err := DecodeStays(good); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{
		``, `{}`, `[]`, `null`, `{"members":[]}`, `{"count":1,"gateways":[],"members":[]}`, good + `x`, strings.TrimSuffix(good, `}`),
		strings.Replace(good, `"count":1`, `"count":2`, 1), strings.Replace(good, `"count":1`, `"count":-1`, 1),
		strings.Replace(good, `"count":1`, `"count":1e9`, 1), strings.Replace(good, `"count":1`, `"count":999999999`, 1),
		strings.Replace(good, `"a",0`, `"a",1`, 1), strings.Replace(good, `"a",0`, `"a",-1`, 1), strings.Replace(good, `"a",0`, `"",0`, 1),
		strings.Replace(good, `"a",0`, `"a.b",0`, 1), strings.Replace(good, `"a",0`, `7,0`, 1), strings.Replace(good, `"g"`, `"g.*"`, 1),
		strings.Replace(good, `"g"`, `""`, 1), strings.Replace(good, `"h"`, `">"`, 1), strings.Replace(good, `"h"`, `7`, 1),
		strings.Replace(good, `2,30,5`, `-2,30,5`, 1), strings.Replace(good, `2,30,5`, `2.0,30,5`, 1), strings.Replace(good, `2,30,5`, `2,30`, 1),
		strings.Replace(good, `2,30,5`, `2,30,5,6`, 1), strings.Replace(good, `2,30,5`, `2,30,18446744073709551616`, 1),
		`{"count":2,"gateways":["g"],"members":[["a",0,".1",2,30,5],["a",0,".1",2,30,5]]}`,
	} {
		if s, err := DecodeStays(header); !errors.Is(err, ErrStays) {
			t.Errorf("%s: %+v, %v", header, s, err)
		}
	}
}

func FuzzDecodeStays(f *testing.F) {
	for _, w := range golden.Stays {
		f.Add(w.Wire)
	}
	f.Fuzz(func(t *testing.T, header string) {
		s, err := DecodeStays(header)
		if err != nil {
			if !errors.Is(err, ErrStays) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		again := string(AppendStays(nil, s.Before, membersOf(&s), everybody))
		other, err := DecodeStays(again)
		if err != nil || !reflect.DeepEqual(other, s) {
			t.Fatalf("%s, written again %s, %v", header, again, err)
		}
		if len(s.Order) != len(s.Members) || slices.Contains(s.Order, "") {
			t.Fatalf("%+v", s)
		}
	})
}
