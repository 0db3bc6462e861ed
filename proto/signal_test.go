package proto

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestASignalReadUnreadIsWhatTheDecoderReads(t *testing.T) {
	t.Parallel()
	r := Request{
		Room: "lobby", ClientID: NewClientID(), Gateway: NewGatewayID(), TargetID: NewClientID(), N: 41,
		Data: []byte(`{"candidate":{"candidate":"a, \"n\":5,\"data\":{}}","sdpMid":null}}`),
	}
	for _, change := range []func(*Request){
		func(*Request) {},
		func(r *Request) { r.Room = "Küche" },
		func(r *Request) { r.Data = []byte(`{}`) },
		func(r *Request) { r.Data = []byte(`"}"`) },
		func(r *Request) { r.N = -1 },
		func(r *Request) { r.N = 0 },
	} {
		r := r
		change(&r)
		b := AppendRequest(nil, OpSignal, &r)
		got, err := DecodeSignal(b)
		want, wantErr := DecodeRequest(OpSignal, b)
		if err != nil || wantErr != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; the decoder: %+v, %v", b, got, err, want, wantErr)
		}
	}
	if _, ok := scanRequest(AppendRequest(nil, OpSignal, &r)); !ok {
		t.Error("what a gateway writes is not read by scanning")
	}
}

func FuzzDecodeSignal(f *testing.F) {
	for _, w := range golden.Requests {
		f.Add([]byte(w.Wire))
	}
	f.Add([]byte(`{"room":"a","clientId":"` + strings.Repeat("c", 20) + `","gateway":"g","targetId":"t","n":01,"data":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := DecodeSignal(b)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		if got.Room.Check() != nil || got.ClientID.Check() != nil || got.Gateway.Check() != nil || got.TargetID == "" ||
			got.TargetID == got.ClientID {
			t.Fatalf("%s is read as %+v", b, got)
		}
		// What the decoder refuses may pass only for its data.
		want, err := DecodeRequest(OpSignal, b)
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%s is read as %+v, by the decoder as %+v", b, got, want)
		}
	})
}
