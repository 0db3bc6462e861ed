package socketio

import (
	"bytes"
	"errors"
	"fmt"
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

func TestBodiesInBinaryFraming(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, text string }{ // text "": refused
		{"\x00\x02\xff40", "2:40"},
		{"\x00\x00\x00\x02\xff40", "2:40"},
		{"\x00\x08\xff4ä🚋2", "5:4ä🚋2"}, // bytes become UTF-16 code units
		{"\x00\x02\xff40\x01\x03\xff\x04\xff\xfe\x00\x01\xff6", "2:402:b41:6"},
		{"\x01\x01\xff\x04", "2:b4"},
		{"\x00\x01\x02\xff4" + strings.Repeat("é", 5) + "x", "7:4" + strings.Repeat("é", 5) + "x"},
		{"\x00\xff40", ""},                  // no length
		{"\x00\x02", ""},                    // nothing after it
		{"\x00\x03\xff40", ""},              // too long a length
		{"\x00\x01\xff40", ""},              // too short
		{"\x02\x02\xff40", ""},              // neither text nor binary
		{"\x00\x0a\xff" + "4xxxxxxxxx", ""}, // no digit
		{"\x00\x02\xff4\xe4", ""},           // not UTF-8
		{"\x00" + strings.Repeat("\x01", 10) + "\xff40", ""},
		{"\x01\x00\xff", ""}, // binary without a type
		{"\x01\x01\xff4", ""},
		{"2:40", ""},
	} {
		got, err := textOf([]byte(c.body))
		switch {
		case c.text == "" && !errors.Is(err, errPayload):
			t.Errorf("%q: %q, %v, want a refusal", c.body, got, err)
		case c.text != "" && (err != nil || string(got) != c.text):
			t.Errorf("%q: %q, %v, want %q", c.body, got, err, c.text)
		}
	}
}

func FuzzTextOf(f *testing.F) {
	for _, body := range []string{"\x00\x02\xff40", "\x01\x02\xff\x04\xff\x00\x01\xff2", "\x00\x05\xff4🚋", "\x00\x09"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		text, err := textOf(body)
		if err != nil {
			if !errors.Is(err, errPayload) {
				t.Fatal(err)
			}
			return
		}
		if len(text) > len(body) {
			t.Fatalf("%q became longer: %q", body, text)
		}
		if _, err := packetsOf(revision3, string(text)); err != nil && len(text) > 0 {
			t.Fatalf("%q became %q: %v", body, text, err)
		}
	})
}

// TestPartsAreTheWhole: cut into parts, a body holds the same packets in the same order.
func TestPartsAreTheWhole(t *testing.T) {
	t.Parallel()
	for _, revision := range []int{3, 4} {
		p := payload{revision: revision}
		var packets []string
		for i := range 200 {
			packet := fmt.Sprint("4é🚋", i, strings.Repeat("x", i%17))
			packets = append(packets, packet)
			p.add([]byte(packet))
		}
		for _, limit := range []int{1, 10, 26, 27, 28, 100, 999, len(p.buf) - 1, len(p.buf), 1 << 20} {
			var got []string
			n := 0
			for part := range parts(revision, p.buf, limit) {
				n++
				some, err := packetsOf(revision, string(part))
				if err != nil || len(part) > limit && len(some) > 1 {
					t.Fatalf("%d, at most %d: a part of %d bytes with %d packets, %v", revision, limit, len(part), len(some), err)
				}
				got = append(got, some...)
			}
			if !slices.Equal(got, packets) || n > 1 && limit >= len(p.buf) {
				t.Fatalf("%d, at most %d: %d packets in %d parts", revision, limit, len(got), n)
			}
		}
		// What cannot be read is left to whoever takes the part.
		broken := map[int]string{3: "2:402:4", 4: "40\x1e\x1e40"}[revision]
		rest := ""
		for part := range parts(revision, []byte(broken), 4) {
			rest = string(part)
		}
		if _, err := packetsOf(revision, rest); !errors.Is(err, errPayload) {
			t.Fatalf("%q: %v", rest, err)
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
