package e2e_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// TestSecretsAreNowhere captures all of NATS, the logs at debug level and the metrics of a run in which tokens, keys and passwords are
// used, right and wrong, and looks for them.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	secret := harness.NewSecret(t)
	server := harness.StartNATS(t)
	parts := harness.StartSite(t, server.URL, 2, 2, append([]string{"--log-level", "debug"}, secret.Args...), []string{"--log-level", "debug"})
	s := &trusting{secret: secret, site2: parts, site: newSite(t, server.URL, views.Strict, parts.Gateways...)}
	var mu sync.Mutex
	var heard bytes.Buffer
	nc := harness.Connect(t, server.URL)
	if _, err := nc.Subscribe(">", func(m *nats.Msg) {
		if strings.HasSuffix(m.Subject, ".engine") {
			return // what one gateway carries for another, which no other login hears
		}
		mu.Lock()
		defer mu.Unlock()
		heard.WriteString(m.Subject + " ")
		for name, values := range m.Header {
			heard.WriteString(name + strings.Join(values, ",") + " ")
		}
		heard.Write(append(m.Data, '\n'))
	}); err != nil {
		t.Fatal(err)
	}
	s.awaitTrust(t)

	const password, wrong = "marked-password", "marked-wrong-password"
	key := testkit.NewKey()
	token, other := secret.Token(t, "ann", everything), secret.Token(t, "bob", everything)
	ann := testkit.DialWith(t, s.urls[0], &testkit.Options{Token: token, Key: key, Turn: 1})
	bob := testkit.DialWith(t, s.urls[1], &testkit.Options{Token: other})
	room := fresh(t)
	want(t, ann.Create(t, room), proto.RoomCreated)
	set := withPassword(proto.RoomUpdate, room, password)
	set.More.Update = &proto.Update{}
	want(t, ann.Do(t, set), proto.RoomUpdated)
	wantCode(t, bob.Do(t, withPassword(proto.RoomJoin, room, wrong)), proto.CodeBadPassword)
	want(t, bob.Do(t, withPassword(proto.RoomJoin, room, password)), proto.RoomJoined)
	want(t, ann.Signal(t, room, bob.ID(), `"marked-signal"`), proto.SignalSent)
	heard0 := ann.Heard(room)
	ann.Abort()
	back := testkit.DialWith(t, s.urls[1], &testkit.Options{Token: token, Key: key, Turn: 2})
	want(t, back.Resume(t, room, heard0), proto.Resumed)
	want(t, back.Do(t, proto.Frame{Name: proto.TokenRenew, More: &proto.FrameMore{Token: secret.Token(t, "ann", everything)}}), proto.TokenAccepted)
	if _, err := testkit.Open(t.Context(), s.url(), &testkit.Options{Token: token + "marked-bad-token"}); err == nil {
		t.Error("a bad token is let in")
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}

	secrets := map[string]string{
		"a token": token, "another's token": other, "a token's payload": strings.Split(token, ".")[1], "a bad token": "marked-bad-token",
		"a key": strings.TrimPrefix(proto.KeySubprotocol(*key), proto.KeyProtocol), "a password": password, "a wrong password": wrong, "the secret": "marked-secret-of-tokens",
	}
	mu.Lock()
	places := map[string]string{"NATS": heard.String()}
	mu.Unlock()
	for _, p := range append(parts.Gateways, parts.Replicas...) {
		_, metrics := p.Ops(t, "/metrics")
		places["the metrics"] += metrics
		places["the logs"] += p.Log()
	}
	record, _, err := s.truth(t).Journal(t.Context(), room)
	if err != nil {
		t.Fatal(err)
	}
	places["the record"] = string(proto.AppendCompact(nil, record, proto.PackMembers(record.Members)))
	if !strings.Contains(places["NATS"], string(room)) || !strings.Contains(places["the logs"], "session started") || !strings.Contains(places["the record"], "pbkdf2-sha512") {
		t.Fatal("what is searched is not what it should be")
	}
	for where, text := range places {
		for what, mark := range secrets {
			if i := strings.Index(text, mark); i >= 0 {
				t.Errorf("%s stands in %s: %.200s", what, where, text[max(0, i-80):])
			}
		}
	}
}
