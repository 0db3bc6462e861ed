package socketio

import (
	"fmt"
	"strings"
	"testing"
)

// large is an event of so many bytes.
func large(head string, size int) string {
	pad := size - len(head+`,""]`)
	return head + `,"` + strings.Repeat("x", pad%2) + strings.Repeat("é", pad/2) + `"]`
}

// The sender of a large signal hears so, and stays in its rooms: it is no more wrong than another bad request.
func TestAnEventAboveTheLimitIsAnsweredAndTheSessionGoesOn(t *testing.T) {
	t.Parallel()
	const (
		most   = 1000
		told   = `42["error","too large: a frame may have 1000 bytes"]`
		acked  = `437[{"event":"error","message":"too large: a frame may have 1000 bytes","code":"too-large","room":"a","senderId":"`
		plain  = `42["signal-send","a","b"`
		asking = `427["signal-send","a","b"`
	)
	for _, revision := range []string{"3", "4"} {
		t.Run("polling/"+revision, func(t *testing.T) {
			t.Parallel()
			a, b, _ := pair(t, Config{MaxFrame: most})
			for _, w := range []*world{a, b} { // at home, and at another gateway
				q := a.open(revision)
				in := payload{revision: int(revision[0] - '0')}
				if revision == "4" {
					a.post(q, "40").want(t, 200, "ok")
					a.get(q)
				}
				for _, p := range []string{large(plain, 1100), large(asking, 2000), `42["room-leave","nowhere"]`} {
					in.add([]byte(p))
				}
				w.post(q, string(in.buf)).want(t, 200, "ok")
				heard := ""
				for !strings.Contains(heard, "not-in-room") {
					r := w.get(q)
					if r.status != 200 {
						t.Fatalf("%+v after %s", r, heard)
					}
					heard += r.body
				}
				for _, want := range []string{told, acked} {
					if strings.Count(heard, want) != 1 {
						t.Errorf("heard %s, want %s", heard, want)
					}
				}
			}
		})
		t.Run("websocket/"+revision, func(t *testing.T) {
			t.Parallel()
			a, b, _ := pair(t, Config{MaxFrame: most})
			direct := a.dial("EIO=" + revision + "&transport=websocket")
			direct.wantPrefix("0")
			upgraded := func(w *world) *socket {
				q := a.open(revision)
				s := w.dial(socketQuery(q))
				s.send("2probe")
				s.want("3probe")
				s.send("5")
				return s
			}
			for where, s := range map[string]*socket{"direct": direct, "upgraded": upgraded(a), "carried": upgraded(b)} {
				switch {
				case revision == "4":
					s.send("40")
					s.wantPrefix("40")
				case where == "direct":
					s.want("40")
				}
				for _, size := range []int{1001, 1002, 1003, 1100, 5000, 16 * most} { // also cut inside of a character
					s.send(large(plain, size))
					s.want(told)
					s.send(large(asking, size))
					s.wantPrefix(acked)
				}
				// A binary event that is too large is refused likewise; its attachment, as large, is skipped.
				s.send("451-7" + large(`["signal-send","a","b",{"_placeholder":true,"num":0}`, 2000))
				s.wantPrefix(acked)
				s.sendBinary(append([]byte{4}, make([]byte, 2000)...))
				s.send(`42["room-leave","nowhere"]`)
				s.want(`42["not-in-room","nowhere"]`)
				s.send(large(plain, 16*most+10))
				s.wantClosed(1009, fmt.Sprint(most))
			}
		})
	}
}

func TestOfALargeEventItsBeginningIsRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]string{ // ack, name, room
		`25["signal-send","a","b","`:                 {"5", "signal-send", "a"},
		`2[ "room-\u006aoin" , "\u00e9" ,`:           {"", "room-join", "é"},
		`25["signal-send","a`:                        {"5", "signal-send", ""},
		`25["signal-send`:                            {"5", "", ""},
		`25[7,"a",`:                                  {"5", "", "a"},
		`25["signal-send",7,`:                        {"5", "signal-send", ""},
		`25["signal-send","a\ud83d",`:                {"5", "signal-send", ""},
		`25["signal-send","` + "\x07" + `",`:         {"5", "signal-send", ""},
		`25["x"y,"a"z,`:                              {"5", "", ""},
		`25["` + strings.Repeat("x", 3000) + `","a"`: {"5", "", ""},
		`25`:   {"5", "", ""},
		`25{}`: {"5", "", ""},
	} {
		p, err := decodeHead([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if f := p.glimpse(); [3]string{f.Ref, string(f.Name), string(f.Room)} != want {
			t.Errorf("%q: %+v, want %q", text, f, want)
		}
	}
}

// A body may be as large as a message of NATS, without what goes around it.
func TestTheLargestBodyIsAnsweredAtAnotherGateway(t *testing.T) {
	t.Parallel()
	for _, revision := range []string{"3", "4"} {
		for name, packet := range map[string]string{
			"an event":      `42["signal-send","a","b"`,
			"an attachment": "",
		} {
			t.Run(name+"/"+revision, func(t *testing.T) {
				t.Parallel()
				a, b, _ := pair(t, Config{Burst: 5000})
				q := a.open(revision)
				in := payload{revision: int(revision[0] - '0')}
				if revision == "4" {
					a.post(q, "40").want(t, 200, "ok")
					a.get(q)
				}
				size, want := b.srv.cfg.maxBody()-len("1048576:"), "too large: a frame may have 65536 bytes"
				if packet == "" {
					in.add([]byte("b4" + strings.Repeat("A", size-2)))
					want = "binary data that no event has announced"
				} else {
					in.add([]byte(large(packet, size)))
				}
				b.post(q, string(in.buf)).want(t, 200, "ok")
				if r := b.get(q); r.status != 200 || !strings.Contains(r.body, want) {
					t.Errorf("heard %+v", r)
				}
			})
		}
	}
}
