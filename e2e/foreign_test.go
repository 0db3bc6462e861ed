package e2e_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/e2e/harness"
)

func TestAStreamThatSomebodyElseConfiguredIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	js, err := jetstream.New(harness.Connect(t, nats.URL))
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]jetstream.StreamConfig{
		"keeps ten": {Name: "PARLEY", Subjects: []string{"parley.journal.*"}, MaxMsgsPerSubject: 10, AllowMsgTTL: true},
		"forgets":   {Name: "PARLEY", Subjects: []string{"parley.journal.*"}, MaxMsgsPerSubject: 1, MaxMsgs: 5, AllowMsgTTL: true},
		"elsewhere": {Name: "PARLEY", Subjects: []string{"parley.other.*"}, MaxMsgsPerSubject: 1, AllowMsgTTL: true},
	} {
		if _, err := js.CreateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		p := harness.LaunchRoomsvc(t, nats.URL)
		if code := p.Wait(t); code != 1 || !strings.Contains(lastLine(p), "PARLEY") {
			t.Errorf("%s: exit code %d: %s", name, code, lastLine(p))
		}
		if err := js.DeleteStream(t.Context(), "PARLEY"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARecordOfANewerVersionIsKeptAndSkipped(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	first := harness.StartRoomsvc(t, nats.URL)
	js, err := jetstream.New(harness.Connect(t, nats.URL))
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{`{"version":2,"room":["of","the","future"]}`, `nonsense`, ``} {
		if _, err := js.Publish(t.Context(), "parley.journal.future", []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	g := harness.StartGateway(t, nats.URL)
	s := newSite(t, nats.URL, 0, g)
	fill(t, "present", s.dials(t, 3)...)
	second := harness.StartRoomsvc(t, nats.URL)
	if code := first.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	want(t, s.dial(t).Join(t, "present"), "room-joined")
	stream, err := js.Stream(t.Context(), "PARLEY")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.GetLastMsgForSubject(t.Context(), "parley.journal.future"); err != nil {
		t.Errorf("the record is gone: %v", err)
	}
	if status, _ := second.Ops(t, "/readyz"); status != 200 {
		t.Errorf("status %d", status)
	}
}
