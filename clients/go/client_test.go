package parley_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	parley "github.com/parley-rtc/parley/clients/go"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers WebSockets with a script: what the server says, one frame after the other; then it waits for the client to go.
func serve(t *testing.T, script func(ctx context.Context, conn *websocket.Conn)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"parley.v1"}})
		if err != nil {
			t.Error(err)
			return
		}
		script(r.Context(), conn)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func say(ctx context.Context, conn *websocket.Conn, frames ...string) {
	for _, f := range frames {
		_ = conn.Write(ctx, websocket.MessageText, []byte(f))
	}
}

// ended hears the client until it goes.
func ended(ctx context.Context, conn *websocket.Conn) {
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			return
		}
	}
}

func TestAnAddressThatCannotBeIsRefusedWithWhatToGive(t *testing.T) {
	for address, says := range map[string]string{
		"":                     "give one such as",
		"localhost:8080":       "", // a scheme "localhost", to Go
		"ftp://example.org/ws": "one begins with ws:, wss:, http: or https:",
		"http://":              "give one such as",
		"http://a b":           "give one such as",
	} {
		_, err := parley.Connect(t.Context(), address)
		if !errors.Is(err, parley.ErrAddress) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestOptionsThatCannotBeAreRefused(t *testing.T) {
	for name, option := range map[string]parley.Option{
		"too long":    parley.Keep(301 * time.Second),
		"negative":    parley.Keep(-time.Second),
		"not whole":   parley.Keep(1500 * time.Millisecond),
		"no function": parley.TokenFrom(nil),
		"no client":   parley.HTTPClient(nil),
		"delays":      parley.Delays(2*time.Second, time.Second),
		"pings":       parley.Pings(0, time.Second),
	} {
		if _, err := parley.Connect(t.Context(), "http://localhost:1", option); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestWhatIsNoParleyIsNamed(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/refuses/ws":
			http.Error(w, "the page's origin is not allowed: --allow-origin app.example", http.StatusForbidden)
		case "/proxy/ws":
			http.Error(w, "", http.StatusBadGateway)
		default:
			http.NotFound(w, r)
		}
	}))
	defer site.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // what clients get wrong here is no news
	secure.StartTLS()
	defer secure.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	other := serve(t, func(ctx context.Context, conn *websocket.Conn) { say(ctx, conn, `0{"sid":"1"}`); ended(ctx, conn) })
	for _, c := range []struct {
		address string
		is      error
		says    string
	}{
		{site.URL, parley.ErrNoParley, "answers 404 Not Found: give the gateway's address"},
		{site.URL + "/refuses/ws", nil, "the page's origin is not allowed: --allow-origin"},
		{site.URL + "/proxy/ws", nil, "does not reach the gateway"},
		{strings.Replace(site.URL, "http", "https", 1), parley.ErrAddress, "speaks no TLS: give ws:// or http://"},
		{strings.Replace(secure.URL, "https", "http", 1), parley.ErrAddress, "speaks TLS: give wss:// or https://"},
		{secure.URL, nil, "certificate"},
		{"http://" + nobody, nil, "is the gateway running"},
		{other, parley.ErrNoParley, "says something else"},
	} {
		_, err := parley.Connect(t.Context(), c.address)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.address, err)
		}
	}
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // the test's own
	if _, err := parley.Connect(t.Context(), secure.URL, parley.HTTPClient(trusting)); !errors.Is(err, parley.ErrNoParley) {
		t.Errorf("with a client of its own: %v", err)
	}
}

func TestConnectGivesUpWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := silent.Accept()
		if err == nil {
			cancel()
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	if _, err := parley.Connect(ctx, "http://"+silent.Addr().String()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// An older server sends no keep, an id of its own, and knows no room-enter. Its rooms are lost with the connection, and entered again.
func TestAnOlderServerServes(t *testing.T) {
	turns := make(chan *websocket.Conn, 2)
	address := serve(t, func(ctx context.Context, conn *websocket.Conn) {
		say(ctx, conn, `{"event":"connected","id":"old","version":1}`)
		turns <- conn
		for {
			_, frame, err := conn.Read(ctx)
			if err != nil {
				return
			}
			text := string(frame)
			ref := text[strings.Index(text, `"ref":`) : len(text)-1]
			switch {
			case strings.Contains(text, "room-enter"):
				say(ctx, conn, `{"event":"error","code":"bad-request","message":"no such event",`+ref+`}`)
			case strings.Contains(text, "room-join"):
				say(ctx, conn, `{"event":"room-not-exists","room":"lobby",`+ref+`}`)
			case strings.Contains(text, "room-create"):
				say(ctx, conn, `{"event":"room-created","room":"lobby","seq":1,`+ref+`}`)
			}
		}
	})
	said := make(chan error, 10)
	client, err := parley.Connect(t.Context(), address, parley.Notify(func(n parley.Notice) { said <- n.Err }))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if client.Resumable() {
		t.Error("it says that this server keeps sessions")
	}
	room, err := client.Enter(t.Context(), "lobby", parley.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	_ = (<-turns).CloseNow()
	want(t, room, parley.Event{Kind: parley.Away, Reason: "lost"})
	want(t, room, parley.Event{Kind: parley.Back})
	<-said // it is open
	if err := <-said; err == nil || !strings.Contains(err.Error(), "keeps no sessions") {
		t.Errorf("it says of the loss: %v", err)
	}
}

func want(t *testing.T, room *parley.Room, e parley.Event) {
	t.Helper()
	got, err := room.Next(t.Context())
	if err != nil || got.Kind != e.Kind || got.ID != e.ID || got.Reason != e.Reason {
		t.Fatalf("the next event is %+v, %v; expected %+v", got, err, e)
	}
}

func TestWhoTakesNoEventsIsPutOutOfTheRoomAndNobodyElse(t *testing.T) {
	left := make(chan struct{})
	address := serve(t, func(ctx context.Context, conn *websocket.Conn) {
		say(ctx, conn, `{"event":"connected","id":"me","version":1,"keep":30}`)
		for _, name := range []string{"a", "b"} {
			_, _, _ = conn.Read(ctx)
			say(ctx, conn, `{"event":"room-created","room":"`+name+`","seq":1,"ref":"`+map[string]string{"a": "1", "b": "2"}[name]+`"}`)
		}
		for range parley.MaxEvents + 1 {
			say(ctx, conn, `{"event":"signal-receive","room":"a","senderId":"x","data":1}`)
		}
		if _, frame, _ := conn.Read(ctx); strings.Contains(string(frame), `"room-leave","room":"a"`) {
			close(left)
		}
		say(ctx, conn, `{"event":"signal-receive","room":"b","senderId":"x","data":2}`)
		ended(ctx, conn)
	})
	client, err := parley.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	a, err := client.Create(t.Context(), "a", parley.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := client.Create(t.Context(), "b", parley.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	<-left
	if e, err := b.Next(t.Context()); err != nil || string(e.Data) != "2" {
		t.Errorf("the other room: %+v, %v", e, err)
	}
	n := 0
	for ; ; n++ {
		if _, err = a.Next(t.Context()); err != nil {
			break
		}
	}
	var end *parley.End
	if !errors.As(err, &end) || end.How != parley.Slow || n != parley.MaxEvents {
		t.Errorf("after %d events: %v", n, err)
	}
}

func TestATokenThatNeverChangesEndsTheClientWhenItIsRefused(t *testing.T) {
	asked := 0
	address := serve(t, func(ctx context.Context, conn *websocket.Conn) {
		_ = conn.Close(4401, "the token has expired")
	})
	_, err := parley.Connect(t.Context(), address, parley.Token("a.b.c"))
	if parley.CodeOf(err) != "unauthorized" || !strings.Contains(err.Error(), "the token has expired") || !strings.Contains(err.Error(), "bring another") {
		t.Errorf("%v", err)
	}
	_, err = parley.Connect(t.Context(), address, parley.TokenFrom(func(context.Context) (string, error) {
		asked++
		return "", errors.New("the app's server is down")
	}))
	if err == nil || !strings.Contains(err.Error(), "there is no token: the app's server is down") || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestWhatIsAskedOfAClosedClientIsRefused(t *testing.T) {
	address := serve(t, func(ctx context.Context, conn *websocket.Conn) {
		say(ctx, conn, `{"event":"connected","id":"me","version":1,"keep":30}`)
		ended(ctx, conn)
	})
	var states []parley.State
	client, err := parley.Connect(t.Context(), address, parley.Notify(func(n parley.Notice) { states = append(states, n.State) }))
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { _, err := client.Join(t.Context(), "lobby", parley.Entry{}); waiting <- err }()
	client.Close()
	client.Close() // once more is no error
	<-client.Done()
	if err := <-waiting; parley.CodeOf(err) != parley.Closed {
		t.Errorf("what waited: %v", err)
	}
	if _, err := client.Enter(t.Context(), "lobby", parley.Entry{}); parley.CodeOf(err) != parley.Closed {
		t.Errorf("what came later: %v", err)
	}
	if len(states) != 2 || states[0] != parley.Open || states[1] != parley.Over || client.State() != parley.Over {
		t.Errorf("the app heard %v", states)
	}
}

func TestBadRequestsAreRefusedHere(t *testing.T) {
	address := serve(t, func(ctx context.Context, conn *websocket.Conn) {
		say(ctx, conn, `{"event":"connected","id":"me","version":1,"limits":{"frame":100}}`)
		ended(ctx, conn)
	})
	client, err := parley.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for name, entry := range map[string]parley.Entry{
		"":                       {},
		strings.Repeat("x", 129): {},
		"line\nbreak":            {},
		"meta":                   {Meta: "Ann"},
		"no JSON":                {Meta: func() {}},
	} {
		if _, err := client.Enter(t.Context(), name, entry); parley.CodeOf(err) != "bad-request" {
			t.Errorf("%q: %v", name, err)
		}
	}
	long := parley.Entry{Meta: map[string]string{"name": strings.Repeat("x", 100)}}
	if _, err := client.Enter(t.Context(), "long", long); parley.CodeOf(err) != "too-large" {
		t.Errorf("%v", err)
	}
}
