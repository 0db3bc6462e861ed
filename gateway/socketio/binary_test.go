package socketio

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

const (
	badRequest = `{"code":3,"message":"Bad request"}`
	noBinary   = "bad request: binary arguments are not supported, a signal's data is JSON"
	stray      = "bad request: binary data that no event has announced"
)

// talker is a connected client, whatever it is connected by.
type talker struct {
	name   string
	id     string
	send   func(packets ...any) // text, or []byte for a binary packet
	wants  func(packets ...string)
	begins func(packet string) // the next packet begins with that
}

// talkers returns clients of both revisions on every transport: those on a are its own, the others reach it through b.
func talkers(t *testing.T, a, b *world) []talker {
	t.Helper()
	var all []talker
	for _, w := range []*world{a, b} {
		where := map[bool]string{true: "here", false: "through another gateway"}[w == a]
		for _, revision := range []int{3, 4} {
			for _, form := range []string{"base64", "octets"} {
				if revision == 4 && form == "octets" {
					continue // it has none
				}
				q := joinAt(a, revision)
				all = append(all, pollingTalker(t, w, q, revision, form == "octets",
					fmt.Sprintf("revision %d, polling in %s, %s", revision, form, where)))
			}
			for _, form := range []string{"base64", "frames"} {
				q := joinAt(a, revision)
				s := upgraded(w, q)
				name := fmt.Sprintf("revision %d, upgraded, in %s, %s", revision, form, where)
				all = append(all, socketTalker(t, s, string(a.session().ID()), revision, form == "base64", name))
			}
		}
	}
	for _, revision := range []int{3, 4} {
		s := a.dial(fmt.Sprintf("EIO=%d&transport=websocket", revision))
		s.wantPrefix("0")
		if revision == 4 {
			s.send("40")
		}
		s.wantPrefix("40")
		all = append(all, socketTalker(t, s, string(a.session().ID()), revision, false, fmt.Sprintf("revision %d, WebSocket", revision)))
	}
	return all
}

// joinAt opens a session on polling whose client is connected, and has heard so.
func joinAt(w *world, revision int) (query string) {
	if revision == 4 {
		return w.join()
	}
	return w.open("3")
}

func pollingTalker(t *testing.T, w *world, q string, revision int, octets bool, name string) talker {
	t.Helper()
	var got []string
	next := func() string {
		for len(got) == 0 {
			packets, err := packetsOf(revision, w.get(q).body)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = packets
		}
		p := got[0]
		got = got[1:]
		return p
	}
	id := sidOf(q)
	if revision == 4 {
		id = string(w.session().ID())
	}
	return talker{
		name: name, id: id,
		send: func(packets ...any) {
			body := payload{revision: revision}
			header := http.Header{}
			for _, p := range packets {
				switch {
				case octets:
					header.Set("Content-Type", "application/octet-stream")
					body.buf = append(body.buf, octetsOf(p)...)
				default:
					body.add([]byte(inBase64(revision, p)))
				}
			}
			w.must(http.MethodPost, q, string(body.buf), header).want(t, 200, "ok")
		},
		wants: func(packets ...string) {
			for _, want := range packets {
				if p := next(); p != want {
					t.Fatalf("%s: got %q, want %q", name, p, want)
				}
			}
		},
		begins: func(packet string) {
			if p := next(); !strings.HasPrefix(p, packet) {
				t.Fatalf("%s: got %q, want %q…", name, p, packet)
			}
		},
	}
}

func sidOf(query string) string {
	_, sid, _ := strings.Cut(query, "&sid=")
	return sid
}

func socketTalker(t *testing.T, s *socket, id string, revision int, base64 bool, name string) talker {
	t.Helper()
	return talker{
		name: name, id: id,
		send: func(packets ...any) {
			for _, p := range packets {
				b, binary := p.([]byte)
				if !binary || base64 {
					s.send(inBase64(revision, p))
					continue
				}
				if revision == 3 {
					b = append([]byte{4}, b...)
				}
				if err := s.ws.Write(t.Context(), websocket.MessageBinary, b); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		},
		wants: func(packets ...string) {
			for _, p := range packets {
				if got, err := s.next(); err != nil || got != p {
					t.Fatalf("%s: got %q, %v, want %q", name, got, err, p)
				}
			}
		},
		begins: func(packet string) {
			if got, err := s.next(); err != nil || !strings.HasPrefix(got, packet) {
				t.Fatalf("%s: got %q, %v, want %q…", name, got, err, packet)
			}
		},
	}
}

// inBase64 returns a packet as text.
func inBase64(revision int, packet any) string {
	b, binary := packet.([]byte)
	switch {
	case !binary:
		return packet.(string)
	case revision == 3:
		return "b4" + base64.StdEncoding.EncodeToString(b)
	}
	return "b" + base64.StdEncoding.EncodeToString(b)
}

// octetsOf returns a packet in revision 3's binary framing.
func octetsOf(packet any) []byte {
	body, binary := packet.([]byte)
	head := []byte{0}
	if binary {
		head, body = []byte{1}, append([]byte{4}, body...)
	} else {
		body = []byte(packet.(string))
	}
	for _, digit := range fmt.Sprint(len(body)) {
		head = append(head, byte(digit-'0'))
	}
	return append(append(head, 0xff), body...)
}

// TestBinaryIsRefusedAndTheSessionStays has clients on every transport send every kind of binary data that there is.
func TestBinaryIsRefusedAndTheSessionStays(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	for i, c := range talkers(t, a, b) {
		everyKindOfBinary(t, c, fmt.Sprint("room ", i))
	}
}

func everyKindOfBinary(t *testing.T, c talker, room string) {
	t.Helper()
	const target = "cccccccccccccccccccc"
	refused := func(id, room, message string) string {
		if room != "" {
			room = fmt.Sprintf(`"room":%q,`, room)
		}
		return fmt.Sprintf(`[{"event":"error","message":%q,"code":"bad-request",%s"senderId":%q}]`, message, room, id)
	}
	data := []byte{0, 1, 0xff, 0x1e, '"'}
	told := func(message string) string { return fmt.Sprintf(`42["error",%q]`, message) }
	alive := func() {
		t.Helper()
		c.send(`421["room-leave","nowhere"]`)
		c.wants(`431[{"event":"not-in-room","room":"nowhere"}]`)
	}

	// A binary argument, with and without an acknowledgement, at any depth.
	c.send(`451-7["signal-send","a","`+target+`",{"_placeholder":true,"num":0}]`, data)
	c.wants("437" + refused(c.id, "a", noBinary))
	c.send(`451-["signal-send","a","`+target+`",{"x":[{"_placeholder":true,"num":0}]}]`, data)
	c.wants(told(noBinary))
	c.send(`451-0["room-create",{"_placeholder":true,"num":0}]`, data)
	c.wants("430" + refused(c.id, "", noBinary))
	c.send(`451-8[{"_placeholder":true,"num":0}]`, data)
	c.wants("438" + refused(c.id, "", noBinary))
	alive()

	// Many, and empty ones, and more than a real server takes.
	c.send(`453-9["room-join","a",1,2,3]`, data, []byte{}, data)
	c.wants("439" + refused(c.id, "a", noBinary))
	many := []any{`4520-["room-join","a"]`}
	for range 20 {
		many = append(many, data)
	}
	c.send(many...)
	c.wants(told(noBinary))
	alive()

	// Those that never come hold nothing up, and excuse none that come later.
	c.send(`4599999999999999999999-["room-join","a"]`)
	c.wants(told(noBinary))
	alive()
	c.send(data)
	c.wants(told(stray))

	// Binary data without an event.
	c.send(data, []byte{})
	c.wants(told(stray), told(stray))
	c.send(`451-["room-join","a"]`, data, data)
	c.wants(told(noBinary), told(stray))

	// Acknowledgements of what nobody asked for are ignored, binary or not.
	c.send(`461-3[{"_placeholder":true,"num":0}]`, data)
	alive()

	// A placeholder in an event that is not binary is data like any other.
	c.send(`425["room-create","` + room + `"]`)
	c.begins(`435[{"event":"room-created","room":"` + room + `"`)
	c.send(`426["signal-send","` + room + `","` + target + `",{"_placeholder":true,"num":0}]`)
	c.wants(`436[{"event":"target-not-found","room":"` + room + `","targetId":"` + target + `"}]`)
}

// TestAPlaceholderIsRelayedAsItIs: in an event that is not binary it means nothing.
func TestAPlaceholderIsRelayedAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	a := w.joinSocket()
	a.send(`42["room-create","a"]`)
	a.want(`42["room-created","a"]`)
	owner := string(w.session().ID())
	b := w.joinSocket()
	b.send(`42["room-join","a"]`)
	b.wantPrefix(`42["room-joined","a"`)
	b.send(`42["signal-send","a","` + owner + `",{"_placeholder":true,"num":0}]`)
	a.wantPrefix(`42["client-joined","a"`)
	a.want(`42["signal-receive","a","` + string(w.session().ID()) + `",{"_placeholder":true,"num":0}]`)
}

func TestBinaryDataThatIsMalformedEndsTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	for _, c := range []struct{ revision, data string }{{"3", ""}, {"3", "\x07x"}, {"3", "\x02x"}, {"3", "4"}} {
		s := w.dial("EIO=" + c.revision + "&transport=websocket")
		s.wantPrefix("0")
		s.want("40")
		if err := s.ws.Write(t.Context(), websocket.MessageBinary, []byte(c.data)); err != nil {
			t.Fatal(err)
		}
		s.wantClosed(1008, "")
	}
	for _, body := range []string{"1:b", "6:bAAEC=", "3:b2A"} {
		w.post(w.open("3"), body).want(t, 400, badRequest)
	}
	// There is nobody yet to be told.
	s := w.dial("EIO=4&transport=websocket")
	s.wantPrefix("0")
	if err := s.ws.Write(t.Context(), websocket.MessageBinary, []byte("x")); err != nil {
		t.Fatal(err)
	}
	s.wantClosed(1008, "")
	w.post(w.open("4"), "bAAEC").want(t, 400, badRequest)
	// Revision 4 has no other bodies than text.
	h := http.Header{"Content-Type": {"application/octet-stream"}}
	q := w.join()
	w.must(http.MethodPost, q, `42["room-create","a"]`, h).want(t, 400, badRequest)
	w.get(q).want(t, 400, unknownSID)
}

// TestAttachmentsTakeNoMemory: a client that announces many and sends them grows nothing.
func TestAttachmentsTakeNoMemory(t *testing.T) { // it measures the process's memory
	w := newWorld(t, Config{})
	s := w.joinSocket()
	s.send(`45100000-["room-join","a"]`)
	s.want(fmt.Sprintf(`42["error",%q]`, noBinary))
	data := make([]byte, 60<<10)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const each = 400
	for range each {
		if err := s.ws.Write(t.Context(), websocket.MessageBinary, data); err != nil {
			t.Fatal(err)
		}
	}
	s.send(`42["room-create","a"]`)
	s.want(`42["room-created","a"]`)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 10<<20 {
		t.Fatalf("%d bytes more are in use", grown)
	}
}
