package proto

import (
	"bytes"
	"errors"
	"testing"
)

func TestARecordDecoderReadsWhatTheDecoderReads(t *testing.T) {
	t.Parallel()
	var d RecordDecoder
	for _, w := range golden.Records {
		want, err := DecodeRecord([]byte(w.Wire))
		if err != nil {
			t.Fatal(err)
		}
		b := AppendRecord(nil, &want)
		got, err := d.Decode(b)
		if again := AppendRecord(nil, &got); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s is read as %s, %v", b, again, err)
		}
		if !plain(string(want.Room)) {
			continue
		}
		c := cursor{b: b}
		if d.scan(&c); c.bad {
			t.Errorf("what a replica writes is not read by scanning: %s", b)
		}
	}
}

func FuzzRecordDecoder(f *testing.F) {
	for _, w := range golden.Records {
		f.Add([]byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d RecordDecoder
		got, err := d.Decode(b)
		want, wantErr := DecodeRecord(b)
		if (err == nil) != (wantErr == nil) || err != nil && !errors.Is(err, ErrRecord) {
			t.Fatalf("%s: %v, by the decoder %v", b, err, wantErr)
		}
		if err == nil && !bytes.Equal(AppendRecord(nil, &got), AppendRecord(nil, &want)) {
			t.Fatalf("%s is read as %+v, by the decoder as %+v", b, got, want)
		}
	})
}
