package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

func TestCutTakesFramesOffHoweverTheyArrive(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 125, 126, 1200, 65535, 65536, 100_000} {
		text := strings.Repeat("x", size)
		whole := ws.MustCompileFrame(ws.NewTextFrame([]byte(text)))
		for _, have := range []int{0, 1, 2, 3, 9, len(whole) - 1} {
			if have >= len(whole) {
				continue
			}
			_, _, length, need, err := cut(whole[:have])
			if err != nil || length != 0 || need <= have || need > len(whole) {
				t.Fatalf("size %d, %d bytes of %d: length %d, need %d, %v", size, have, len(whole), length, need, err)
			}
		}
		op, payload, length, _, err := cut(append(bytes.Clone(whole), 0x81))
		if err != nil || op != ws.OpText || string(payload) != text || length != len(whole) {
			t.Fatalf("size %d: %v, %d bytes of payload, length %d of %d, %v", size, op, len(payload), length, len(whole), err)
		}
	}
}

func TestCutRefusesWhatNoServerSends(t *testing.T) {
	t.Parallel()
	masked := ws.MustCompileFrame(ws.MaskFrameInPlace(ws.NewTextFrame([]byte("x"))))
	huge := []byte{0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0}
	for _, b := range [][]byte{masked, {0x01, 1, 'x'}, {0xc1, 1, 'x'}, huge} {
		if _, _, _, _, err := cut(b); !errors.Is(err, errFrame) {
			t.Errorf("cut(% x): %v, want errFrame", b, err)
		}
	}
}

func TestKindsAreToldByTheEventsName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p    Protocol
		text string
		want Kind
	}{
		{Plain{}, `{"event":"signal-receive","room":"a","senderId":"b","data":{}}`, SignalReceive},
		{Plain{}, `{"room":"a","event":"room-left","kicked":true}`, RoomLeft},
		{Plain{}, `{"event":"error","code":"rate-limited"}`, Refused},
		{Plain{}, `{"event":"pong"}`, Other},
		{Plain{}, `{"event":"client-jo`, Other},
		{SocketIO{}, `42["client-joined","a","b"]`, ClientJoined},
		{SocketIO{}, `42["target-not-found","a","b"]`, Refused},
		{SocketIO{}, `41`, Refused},
		{SocketIO{}, `40{"sid":"x"}`, Other},
	} {
		if got := c.p.Kind([]byte(c.text)); got != c.want {
			t.Errorf("%T: kind of %s = %d, want %d", c.p, c.text, got, c.want)
		}
	}
	if string(SocketIO{}.Reply([]byte("2"))) != string(framePong) || (SocketIO{}).Reply([]byte("42")) != nil {
		t.Error("a pong is owed for a ping and for nothing else")
	}
}
