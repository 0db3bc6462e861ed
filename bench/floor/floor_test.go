package main

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/bench/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial connects a client to a hub of its own or the given server.
func dial(t *testing.T, server *httptest.Server) *wire.Conn {
	t.Helper()
	c, err := wire.Dial(t.Context(), strings.TrimPrefix(server.URL, "http://"), nil, wire.Plain{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// says sends a request and awaits the next frame, which has to hold want.
func says(t *testing.T, c *wire.Conn, frame []byte, want string) {
	t.Helper()
	if err := c.Send(frame); err != nil {
		t.Fatal(err)
	}
	hears(t, c, want)
}

func hears(t *testing.T, c *wire.Conn, want string) {
	t.Helper()
	text, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), want) {
		t.Fatalf("heard %.200s, want %s…", text, want)
	}
}

func TestTheFloorSpeaksThePlainProtocol(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newHub())
	t.Cleanup(server.Close)
	p := wire.Plain{}
	a, b := dial(t, server), dial(t, server)

	says(t, b, p.Join("r"), `{"event":"room-not-exists","room":"r"`)
	says(t, a, p.Create("r"), `{"event":"room-created","room":"r","seq":`)
	says(t, b, p.Create("r"), `{"event":"room-exists","room":"r"`)
	says(t, b, p.Join("r"), `{"event":"room-joined","room":"r","ownerId":"`+a.ID+`","clients":["`+a.ID+`"],"seq":`)
	hears(t, a, `{"event":"client-joined","room":"r","id":"`+b.ID+`","seq":2,"prev":1`)

	says(t, a, p.Signal("r", b.ID, `{"candidate":{}}`, "7"), `{"event":"signal-sent","room":"r","targetId":"`+b.ID+`","ref":"7"}`)
	hears(t, b, `{"event":"signal-receive","room":"r","senderId":"`+a.ID+`","data":{"candidate":{}}}`)
	says(t, a, p.Signal("r", "nobody", `{}`, ""), `{"event":"target-not-found"`)
	says(t, a, p.Signal("s", b.ID, `{}`, ""), `{"event":"not-in-room"`)

	says(t, b, p.Leave("r"), `{"event":"room-left","room":"r","kicked":false}`)
	hears(t, a, `{"event":"client-left","room":"r","id":"`+b.ID+`"`)
	says(t, b, p.Join("r"), `{"event":"room-joined"`)
	a.Close()
	hears(t, b, `{"event":"room-left","room":"r","kicked":true}`)
}

func TestAClientThatReadsGetsAllItIsSent(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newHub())
	t.Cleanup(server.Close)
	p := wire.Plain{}
	a, b := dial(t, server), dial(t, server)
	says(t, a, p.Create("r"), `{"event":"room-created"`)
	says(t, b, p.Join("r"), `{"event":"room-joined"`)
	hears(t, a, `{"event":"client-joined"`)

	const many, batch = 1000, 100
	for range many / batch {
		for i := range batch {
			data := `"` + strconv.Itoa(i) + strings.Repeat("x", 10_000) + `"`
			if err := a.Send(p.Signal("r", b.ID, data, "")); err != nil {
				t.Fatal(err)
			}
		}
		for i := range batch {
			hears(t, b, `{"event":"signal-receive","room":"r","senderId":"`+a.ID+`","data":"`+strconv.Itoa(i)+`x`)
		}
	}
}

func TestAClientThatTakesNothingIsDroppedAndNobodyWaitsForIt(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newHub())
	t.Cleanup(server.Close)
	p := wire.Plain{}
	a, b, deaf := dial(t, server), dial(t, server), dial(t, server)
	says(t, a, p.Create("r"), `{"event":"room-created"`)
	for _, c := range []*wire.Conn{b, deaf} {
		says(t, c, p.Join("r"), `{"event":"room-joined"`)
		hears(t, a, `{"event":"client-joined"`)
	}
	hears(t, b, `{"event":"client-joined"`)

	if err := a.Send(p.Signal("r", b.ID, `1`, "")); err != nil {
		t.Fatal(err)
	}
	// The signals fill what the kernel holds for the socket, then the queue.
	flood := p.Signal("r", deaf.ID, `"`+strings.Repeat("x", 60_000)+`"`, "")
	for sent := 0; sent < 8*mostQueued; sent += len(flood) {
		if err := a.Send(flood); err != nil {
			t.Fatal(err)
		}
	}
	hears(t, a, `{"event":"client-left","room":"r","id":"`+deaf.ID+`"`)
	hears(t, b, `{"event":"signal-receive"`)
	hears(t, b, `{"event":"client-left","room":"r","id":"`+deaf.ID+`"`)
}
