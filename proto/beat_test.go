package proto

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestBadBeatsAreRefused(t *testing.T) {
	t.Parallel()
	for _, b := range []string{
		``, `{}`, `[]`, `{"role":"gateway","id":"a"}`, `{"role":"gateway","id":"","state":"up"}`, `{"role":"gateway","id":"a.b","state":"up"}`,
		`{"role":"sfu","id":"a","state":"up"}`, `{"role":"gateway","id":"a","state":"down"}`, `{"role":"gateway","id":"a","state":"up","state":"up"}`,
		`{"role":"gateway","id":"` + strings.Repeat("a", 65) + `","state":"up"}`,
		`{"role":"gateway","id":"a","state":"up","sessions":-1}`, `{"role":"gateway","id":"a","state":"up","rooms":"many"}`,
	} {
		if beat, err := DecodeBeat([]byte(b)); !errors.Is(err, ErrBeat) {
			t.Errorf("%s: %+v, %v", b, beat, err)
		}
	}
}

func TestBadChecksAreRefused(t *testing.T) {
	t.Parallel()
	for _, b := range []string{
		``, `[]`, `{"rooms":{}}`, `{"rooms":[{"seq":-1}]}`, `{"rooms":[{"room":"a","room":"b"}]}`, `{"rooms":[{"members":[{"id":5}]}]}`,
	} {
		if c, err := DecodeCheck([]byte(b)); !errors.Is(err, ErrCheck) {
			t.Errorf("%s: %+v, %v", b, c, err)
		}
	}
}

func TestChecksArePagedAndNothingIsLostBetweenPages(t *testing.T) {
	t.Parallel()
	c := Check{Replica: testReplica, Rooms: []CheckRoom{}}
	for i := range 5000 {
		r := CheckRoom{Room: Room(fmt.Sprintf("room %d", i)), Seq: uint64(i), Members: []CheckMember{}}
		for k := range i % 4 {
			r.Members = append(r.Members, CheckMember{ID: testClient, Request: RequestID(fmt.Sprintf("g-%d", k))})
		}
		c.Rooms = append(c.Rooms, r)
	}
	large := CheckRoom{Room: "large", Seq: 1}
	for range MaxCheckPage / 40 {
		large.Members = append(large.Members, CheckMember{ID: testClient, Request: "g-1"})
	}
	c.Rooms = append(c.Rooms, large, CheckRoom{Room: "after", Members: []CheckMember{}})
	got := Check{Replica: testReplica}
	pages := EncodeChecks(&c)
	for _, page := range pages {
		one, err := DecodeCheck(page)
		if err != nil || one.Replica != testReplica {
			t.Fatalf("%.100s: %v", page, err)
		}
		if len(page) > MaxCheckPage && len(one.Rooms) > 1 {
			t.Errorf("a page of %d rooms has %d bytes, %d are allowed", len(one.Rooms), len(page), MaxCheckPage)
		}
		got.Rooms = append(got.Rooms, one.Rooms...)
	}
	if !reflect.DeepEqual(got, c) {
		t.Errorf("%d rooms came back of %d", len(got.Rooms), len(c.Rooms))
	}
	if len(pages) < 4 || len(pages) > 8 {
		t.Errorf("%d pages", len(pages))
	}
}

func FuzzDecodeBeat(f *testing.F) {
	for _, w := range golden.Beats {
		f.Add([]byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		beat, err := DecodeBeat(b)
		if err != nil {
			if !errors.Is(err, ErrBeat) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		if other, err := DecodeBeat(beat.Encode()); err != nil || !reflect.DeepEqual(other, beat) {
			t.Fatalf("%s, written again %s: %v", b, beat.Encode(), err)
		}
	})
}

func FuzzDecodeCheck(f *testing.F) {
	for _, w := range golden.Checks {
		f.Add([]byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCheck(b)
		if err != nil {
			if !errors.Is(err, ErrCheck) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		if c.Replica.Check() != nil {
			return
		}
		page := EncodeChecks(&c)[0]
		other, err := DecodeCheck(page)
		if err != nil || !bytes.Equal(EncodeChecks(&other)[0], page) {
			t.Fatalf("%s, written again %s: %v", b, page, err)
		}
	})
}
