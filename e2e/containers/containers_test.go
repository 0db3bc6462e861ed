//go:build containers

package containers_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/deploy/keys"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// pairs is enough for every process to have work in hand when it is killed.
const pairs = 6

func TestContainersComeUpAreKilledAndReplacedWithNoWrongAnswer(t *testing.T) {
	d := up(t)
	t.Run("two clients on different gateways meet", d.meet)
	t.Run("each login can do what its role does", d.logins)
	people := gather(t, d, pairs)
	people.goesOn(t, "coming up")
	for _, service := range services {
		t.Run("killed: "+service, func(t *testing.T) {
			d.kill(t, service)
			if service != "caddy" { // the only way in
				t.Logf("without %s everybody meets again after %v", service, people.goesOn(t, "the kill"))
			}
			d.start(t, service)
			d.healthy(t, service)
			t.Logf("with %s back everybody meets again after %v", service, people.goesOn(t, "the return"))
			people.truthful(t)
		})
	}
	t.Run("nobody was refused what he needs", d.unrefused) // replaced servers take their logs along
	t.Run("a rolling replacement", func(t *testing.T) {
		// Rooms change replicas each time that one comes or goes, which is when answers can contradict each other.
		for _, service := range []string{
			"roomsvc1", "roomsvc2", "gateway1", "roomsvc1", "roomsvc2", "gateway2", "roomsvc1", "roomsvc2", "nats1", "nats2", "nats3",
		} {
			d.replace(t, service)
			t.Logf("%s replaced, everybody meets again after %v", service, people.goesOn(t, "replacing "+service))
		}
		people.truthful(t)
	})
}

// unrefused fails the test for every refusal of NATS but those that logins asked
// for: a subject that a program needs and may not use fails silently otherwise.
func (d *deployment) unrefused(t *testing.T) {
	log := d.run(t, compose("logs", "--no-color", "nats1", "nats2", "nats3")...)
	var asked int
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "Violation") {
			continue
		}
		if slices.ContainsFunc(refused, func(subject string) bool { return strings.Contains(line, `"`+subject+`"`) }) {
			asked++
			continue
		}
		t.Error(strings.TrimSpace(line))
	}
	if asked == 0 {
		t.Error("not even the refusals that were asked for stand in the log")
	}
}

// refused are the subjects on which logins tries what nobody but it would.
var refused = []string{"parley.journal.lobby", "parley.room.lobby.event", "parley.rooms.other", "parley.rooms.create"}

// dial connects a client.
func (d *deployment) dial(t *testing.T) *testkit.Client {
	t.Helper()
	return testkit.DialWith(t, d.url, &testkit.Options{Token: d.token})
}

// meet has the load balancer put two clients on two gateways, and looks there.
func (d *deployment) meet(t *testing.T) {
	before := [2]int{d.sessions(t, "gateway1"), d.sessions(t, "gateway2")}
	alice, bob := d.dial(t), d.dial(t)
	if after := [2]int{d.sessions(t, "gateway1"), d.sessions(t, "gateway2")}; after[0] != before[0]+1 || after[1] != before[1]+1 {
		t.Fatalf("the gateways had %v sessions and have %v", before, after)
	}
	if answer := alice.Create(t, "lobby"); answer.Name != proto.RoomCreated {
		t.Fatalf("created: %+v", answer)
	}
	if answer := bob.Join(t, "lobby"); answer.Name != proto.RoomJoined || answer.OwnerID != alice.ID() {
		t.Fatalf("joined: %+v", answer)
	}
	if heard := alice.Expect(t, proto.ClientJoined); heard.ID != bob.ID() {
		t.Fatalf("alice heard %s", heard.Raw)
	}
	offer := `{"description":{"type":"offer","sdp":"v=0"}}`
	if answer := bob.Signal(t, "lobby", alice.ID(), offer); answer.Name != proto.SignalSent {
		t.Fatalf("signalled: %+v", answer)
	}
	if heard := alice.Expect(t, proto.SignalReceive); heard.SenderID != bob.ID() || string(heard.Data) != offer {
		t.Fatalf("alice heard %s", heard.Raw)
	}
	alice.Close()
	if heard := bob.Expect(t, proto.RoomLeft); !heard.Kicked {
		t.Fatalf("bob heard %s", heard.Raw)
	}
}

// sessions reads a gateway's own count of its clients.
func (d *deployment) sessions(t *testing.T, gateway string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.address(t, gateway)+":9090/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var count int
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "parley_gateway_sessions{") {
			_, value, _ := strings.Cut(lines.Text(), "} ")
			some, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			count += some
		}
	}
	return count
}

// logins tries in the running cluster what e2e/permissions tries exhaustively.
func (d *deployment) logins(t *testing.T) {
	passwords, err := keys.Read(d.secrets)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(d.secrets, keys.CA))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	url := "tls://" + d.address(t, "nats1") + ":4222"
	for _, try := range []struct {
		login, subject string
		allowed        bool
	}{
		{"gateway", "parley.journal.lobby", false},
		{"roomsvc", "parley.journal.lobby", false},
		{"gateway", "parley.room.lobby.event", false},
		{"gateway", "parley.rooms.other", false},
		{"observer", "parley.rooms.create", false},
		{"observer", "parley.rooms.list", true},
	} {
		refusals := make(chan error, 1)
		nc, err := nats.Connect(url, nats.UserInfo(try.login, passwords[try.login]),
			nats.Secure(&tls.Config{RootCAs: roots, ServerName: "nats1", MinVersion: tls.VersionTLS13}),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refusals <- err }))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := nc.Request(try.subject, []byte(`{}`), answerTime/10)
		nc.Close()
		switch {
		case try.allowed && (err != nil || !strings.Contains(string(answer.Data), `"rooms"`)):
			t.Errorf("%s asks %s: %v, %v", try.login, try.subject, answer, err)
		case !try.allowed && err == nil:
			t.Errorf("%s asks %s and is answered %s", try.login, try.subject, answer.Data)
		case !try.allowed:
			select {
			case <-refusals:
			default:
				t.Errorf("%s may publish to %s", try.login, try.subject)
			}
		}
	}
}
