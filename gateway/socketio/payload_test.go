package socketio

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestPayloadsOfBothRevisions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		revision int
		body     string
		packets  []string // nil: refused
	}{
		{3, "2:40", []string{"40"}},
		{3, "2:401:6", []string{"40", "6"}},
		{3, "4:4ä🚋", []string{"4ä🚋"}},
		{3, "3:4🚋1:2", []string{"4🚋", "2"}},
		{3, "0:2:40", []string{"40"}},
		{3, "002:40", []string{"40"}},
		{3, "", nil},
		{3, "2:4", nil},
		{3, "2:4🚋", nil}, // ends within a surrogate pair
		{3, ":40", nil},
		{3, "2", nil},
		{3, "-2:40", nil},
		{3, "1e0:2", nil},
		{3, "99999999999:2", nil},
		{3, "4294967297:2", nil},
		{3, "1:\xff", nil},
		{3, "2:40junk", nil},
		{4, "40", []string{"40"}},
		{4, "40\x1e6", []string{"40", "6"}},
		{4, "4ä🚋", []string{"4ä🚋"}},
		{4, "", nil},
		{4, "\x1e", nil},
		{4, "40\x1e", nil},
		{4, "\x1e40", nil},
	} {
		got, err := packetsOf(c.revision, c.body)
		switch {
		case c.packets == nil && !errors.Is(err, errPayload):
			t.Errorf("%d %q: %q, %v, want a refusal", c.revision, c.body, got, err)
		case c.packets != nil && (err != nil || !slices.Equal(got, c.packets)):
			t.Errorf("%d %q: %q, %v, want %q", c.revision, c.body, got, err, c.packets)
		}
	}
}

func TestLengthsCountUTF16CodeUnits(t *testing.T) {
	t.Parallel()
	p := payload{revision: revision3}
	p.add([]byte("4ä🚋"))
	p.add([]byte("6"))
	if string(p.buf) != "4:4ä🚋1:6" {
		t.Fatalf("%q", p.buf)
	}
}

func FuzzDecodePayload3(f *testing.F) { fuzzPayload(f, revision3) }

func FuzzDecodePayload4(f *testing.F) { fuzzPayload(f, revision4) }

// fuzzPayload asserts that what was decoded, encoded again, decodes to the same.
func fuzzPayload(f *testing.F, revision int) {
	for _, body := range []string{"2:40", "40\x1e42[\"a\"]", "3:4🚋1:2", "0:", "", "1:\xff", "99:4", "12:42[\"room\"]"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		packets, err := packetsOf(revision, string(body))
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			if !errors.Is(err, errPayload) {
				t.Fatalf("%v", err)
			}
			return
		}
		p := payload{revision: revision}
		for _, packet := range packets {
			if revision == revision3 {
				if !utf8.ValidString(packet) {
					t.Fatalf("%q is not UTF-8", packet)
				}
				if units := len(utf16.Encode([]rune(packet))); unitsOf([]byte(packet)) != units {
					t.Fatalf("%q has %d units", packet, units)
				}
			} else if strings.ContainsRune(packet, separator) || packet == "" {
				t.Fatalf("%q", packet)
			}
			p.add([]byte(packet))
		}
		again, err := packetsOf(revision, string(p.buf))
		if len(packets) > 0 && (err != nil || !slices.Equal(again, packets)) {
			t.Fatalf("%q became %q, %v", packets, again, err)
		}
	})
}
