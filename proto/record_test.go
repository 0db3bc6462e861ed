package proto

import (
	"bytes"
	"errors"
	"testing"
)

func TestBadRecordsAreRefused(t *testing.T) {
	t.Parallel()
	for _, b := range []string{
		``, `[]`, `{}`, `{"room":"","members":[{"id":"a"}],"closed":false}`, `{"room":"a\u0000","members":[{"id":"a"}]}`,
		`{"room":"a","members":[],"closed":false}`, `{"room":"a","members":[{"id":"a"}],"closed":true}`,
		`{"room":"a","members":[{"id":"a","id":"b"}]}`, `{"room":"a","room":"b","members":[{"id":"a"}]}`,
		`{"room":"a","members":[{"id":"\ud800"}]}`, `{"room":"a","members":{}}`, `{"room":"a","members":[{"id":"a"}],"prev":-1}`,
	} {
		if r, err := DecodeRecord([]byte(b)); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %+v, %v", b, r, err)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, w := range golden.Records {
		f.Add([]byte(w.Wire), w.Seq)
	}
	f.Fuzz(func(t *testing.T, b []byte, seq uint64) {
		r, err := DecodeRecord(b)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		again := AppendRecord(nil, &r)
		other, err := DecodeRecord(again)
		if err != nil {
			t.Fatalf("%s, written again %s: %v", b, again, err)
		}
		if twice := AppendRecord(nil, &other); !bytes.Equal(again, twice) {
			t.Fatalf("written again %s\nand again %s", again, twice)
		}
		if plain(string(r.Change.Event)) && r.Change.Event != "" {
			e := r.Event(seq, nil)
			if _, err := DecodeEvent(AppendEvent(nil, &e)); err != nil {
				t.Fatalf("%s is told as %s: %v", b, AppendEvent(nil, &e), err)
			}
		}
	})
}
