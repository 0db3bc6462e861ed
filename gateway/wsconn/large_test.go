package wsconn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// A message above the limit does not cost the one behind it, whether its handler reads it or not.
func TestALargeMessageIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	sizes := []int{most, most + 1, most - 1, 2 * most, 10, ReadOn * most, 0}
	for _, reads := range []bool{true, false} {
		heard, failed := make(chan string, len(sizes)), make(chan error, 1)
		url := serve(t, func(c *Conn) {
			for {
				err := c.Read(func(_ websocket.MessageType, p []byte) error {
					heard <- fmt.Sprint("whole ", len(p))
					return nil
				}, func(kind websocket.MessageType, head []byte, rest io.Reader) error {
					if kind != Binary || len(head) <= most || bytes.Trim(head, "x") != nil && len(bytes.Trim(head, "x")) > 0 {
						t.Errorf("a head of %d bytes", len(head))
					}
					n := int64(0)
					if reads {
						var err error
						if n, err = io.Copy(io.Discard, rest); err != nil {
							return err
						}
						n += int64(len(head))
					}
					heard <- fmt.Sprint("large ", n)
					return nil
				})
				if err != nil {
					failed <- err
					return
				}
			}
		})
		ws, _, err := websocket.Dial(t.Context(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow() // it is over
		for i, size := range sizes {
			send(t, ws, size, i%2 == 0)
			want := fmt.Sprint("whole ", size)
			switch {
			case size > most && reads:
				want = fmt.Sprint("large ", size)
			case size > most:
				want = "large 0"
			}
			if got := <-heard; got != want {
				t.Errorf("of %d bytes: %s, want %s", size, got, want)
			}
		}
		_ = ws.CloseNow()
		if v, ok := errors.AsType[Violation](<-failed); ok {
			t.Errorf("a lost connection is taken for %+v", v)
		}
	}
}

// send sends a message, in one frame or in several.
func send(t *testing.T, ws *websocket.Conn, size int, whole bool) {
	t.Helper()
	text := strings.Repeat("x", size)
	if whole {
		if err := ws.Write(t.Context(), websocket.MessageBinary, []byte(text)); err != nil {
			t.Fatal(err)
		}
		return
	}
	w, err := ws.Writer(t.Context(), websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	for len(text) > 0 {
		n := min(len(text), 20_000)
		if _, err := io.WriteString(w, text[:n]); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAMessageThatIsEndlessIsAViolation(t *testing.T) {
	t.Parallel()
	for name, large := range map[string]HandleLarge{
		"with an answer":    func(websocket.MessageType, []byte, io.Reader) error { return nil },
		"without an answer": nil,
	} {
		failed := make(chan error, 1)
		url := serve(t, func(c *Conn) {
			err := c.Read(func(websocket.MessageType, []byte) error { return nil }, large)
			if v, ok := errors.AsType[Violation](err); ok {
				c.Close(v.Code, v.Reason, parting)
			}
			failed <- err
		})
		ws, _, err := websocket.Dial(t.Context(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow() // it is over
		_ = ws.Write(t.Context(), websocket.MessageBinary, make([]byte, ReadOn*most+1))
		if _, _, err = ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
			t.Errorf("%s: %v", name, err)
		}
		if err := <-failed; Cause(err) != "a frame was too large" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
