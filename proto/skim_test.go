package proto

import (
	"slices"
	"strings"
	"testing"
)

// A frame comes in pieces of any length, and what is read of it does not depend on them.
func TestPiecesAreSkimmedLikeTheWhole(t *testing.T) {
	t.Parallel()
	each(t, slices.Concat(golden.Frames, golden.LenientFrames, golden.BadFrames), func(t *testing.T, w wire) {
		whole := SkimFrame([]byte(w.Wire))
		for n := 1; n < min(len(w.Wire), 20); n++ {
			var s Skim
			for piece := range slices.Chunk([]byte(w.Wire), n) {
				if taken, err := s.Write(piece); taken != len(piece) || err != nil {
					t.Fatalf("%d of %d, %v", taken, len(piece), err)
				}
			}
			if f := s.Frame(); f.Name != whole.Name || f.Room != whole.Room || f.Ref != whole.Ref || f.HasRef != whole.HasRef {
				t.Errorf("in pieces of %d: %+v, whole: %+v", n, f, whole)
			}
		}
	})
}

func TestAGoodFrameIsSkimmedAsItIsDecoded(t *testing.T) {
	t.Parallel()
	each(t, slices.Concat(golden.Frames, golden.LenientFrames), func(t *testing.T, w wire) {
		want, err := DecodeFrame([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		if f := SkimFrame([]byte(w.Wire)); f.Name != want.Name || f.Room != want.Room || f.Ref != want.Ref || f.HasRef != want.HasRef {
			t.Errorf("%+v, decoded: %+v", f, want)
		}
	})
}

// The ref of a frame that is too large may stand behind everything else.
func TestOfALargeFrameLittleIsKept(t *testing.T) {
	t.Parallel()
	var s Skim
	piece := []byte(strings.Repeat(`{"ref":"2","x":[`, 1000) + strings.Repeat(`]}`, 1000) + `,"y`)
	write := func(p string) { _, _ = s.Write([]byte(p)) }
	write(`{"event":"signal-send","room":"lobby","data":[`)
	for range 50 {
		_, _ = s.Write(piece)
		write(`":1`)
	}
	write(`],"` + strings.Repeat("n", 100_000) + `":"` + strings.Repeat("v", 100_000) + `","ref":"\u0031"}`)
	if f := s.Frame(); f.Ref != "1" || f.Room != "lobby" || f.Name != SignalSend {
		t.Errorf("%+v", f)
	}
	if cap(s.token) > 4<<10 {
		t.Errorf("%d bytes are kept", cap(s.token))
	}
}

func FuzzSkim(f *testing.F) {
	for _, w := range slices.Concat(golden.Frames, golden.LenientFrames, golden.BadFrames) {
		f.Add([]byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		skimmed := SkimFrame(b)
		if skimmed.Room != "" && skimmed.Room.Check() != nil || len(skimmed.Ref) > MaxRef {
			t.Fatalf("room %q, ref %q", skimmed.Room, skimmed.Ref)
		}
		frame, err := DecodeFrame(b)
		if err == nil && (skimmed.Name != frame.Name || skimmed.Room != frame.Room || skimmed.Ref != frame.Ref || skimmed.HasRef != frame.HasRef) {
			t.Fatalf("%s: %+v, decoded: %+v", b, skimmed, frame)
		}
	})
}
