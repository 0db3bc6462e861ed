package permissions_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestTheJournalLoginKeepsAStreamThatOthersCanOnlyRead(t *testing.T) {
	c := startCluster(t)
	journal := js(t, c, "journal")
	await(t, "the account has JetStream on each server", func() bool {
		_, err := journal.AccountInfo(t.Context())
		return err == nil
	})
	stream, err := journal.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
		Name: "PARLEY", Subjects: []string{"parley.journal.*"}, Replicas: 3,
		MaxMsgsPerSubject: 1, AllowMsgTTL: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := journal.Publish(t.Context(), "parley.journal.lobby", []byte("one"),
		jetstream.WithExpectLastSequencePerSubject(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Publish(t.Context(), "parley.journal.lobby", []byte("two"),
		jetstream.WithExpectLastSequencePerSubject(first.Sequence)); err != nil {
		t.Fatal(err)
	}
	if message, err := stream.GetLastMsgForSubject(t.Context(), "parley.journal.lobby"); err != nil || string(message.Data) != "two" {
		t.Fatalf("the record read from the leader: %v, %v", message, err)
	}
	for _, login := range []string{"journal", "reader"} {
		// A consumer may be at a copy that has not stored it yet.
		await(t, login+" follows the stream and reads what was written last", func() bool { return follow(t, c, login) == "two" })
	}
	info, err := js(t, c, "observer").Stream(t.Context(), "PARLEY")
	if err != nil {
		t.Fatal(err)
	}
	if got := info.CachedInfo(); got.State.Msgs != 1 || got.Cluster == nil || got.Cluster.Leader == "" {
		t.Errorf("what an observer sees of the stream: %+v", got)
	}
	for _, login := range []string{"journal", "reader", "observer", "gateway", "roomsvc"} {
		if err := js(t, c, login).DeleteStream(t.Context(), "PARLEY"); err == nil {
			t.Errorf("%s deleted the journal", login)
		}
	}
}

// js logs in and waits no longer for a refused request than a refusal takes.
func js(t *testing.T, c *cluster, login string) jetstream.JetStream {
	t.Helper()
	api, err := jetstream.New(c.login(t, login), jetstream.WithDefaultTimeout(settle/10))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// follow reads the stream's only record as a replica does.
func follow(t *testing.T, c *cluster, login string) string {
	t.Helper()
	consumer, err := js(t, c, login).OrderedConsumer(t.Context(), "PARLEY", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatalf("%s: %v", login, err)
	}
	message, err := consumer.Next(jetstream.FetchMaxWait(settle))
	if err != nil {
		t.Fatalf("%s: %v", login, err)
	}
	return string(message.Data())
}

func TestWhatAReplicaTellsReachesAGatewayAndAnObserverOnOtherServers(t *testing.T) {
	c := startCluster(t)
	urls := strings.Split(c.url, ",")
	at := func(number int, login string) *nats.Conn {
		one := *c
		one.url = urls[number]
		return one.login(t, login)
	}
	replica, gateway, observer := at(0, "roomsvc"), at(1, "gateway"), at(2, "observer")

	events := listen(t, gateway, "parley.gateway.g1.>")
	public := listen(t, observer, "parley.room.*.event")
	if _, err := replica.QueueSubscribe("parley.rooms.*", "roomsvc", func(m *nats.Msg) {
		for _, subject := range []string{"parley.gateway.g1.room.lobby", "parley.room.lobby.event", m.Reply} {
			if err := replica.Publish(subject, []byte(m.Subject)); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	flush(t, replica)

	// Interest travels over the routes in its own time.
	await(t, "the gateway's request is answered", func() bool {
		if err := gateway.PublishRequest("parley.rooms.join", "parley.gateway.g1.reply.1", nil); err != nil {
			t.Fatal(err)
		}
		for {
			message, err := events.NextMsg(settle / 100)
			if errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) {
				return false
			}
			if err != nil {
				t.Fatal(err)
			}
			if message.Subject == "parley.gateway.g1.reply.1" {
				return true
			}
		}
	})
	if _, err := public.NextMsg(settle); err != nil {
		t.Errorf("the observer heard no event: %v", err)
	}
	if answer, err := observer.Request("parley.rooms.roster", nil, settle); err != nil || string(answer.Data) != "parley.rooms.roster" {
		t.Errorf("the observer asked for a roster: %v, %v", answer, err)
	}
}

func TestNobodyIsLetInWithoutTLSAndAPassword(t *testing.T) {
	c := startCluster(t)
	plain := strings.ReplaceAll(c.url, "tls://", "nats://")
	for what, options := range map[string][]nats.Option{
		"no login":           {nats.RootCAs(c.ca)},
		"a wrong password":   {nats.RootCAs(c.ca), nats.UserInfo("gateway", "wrong")},
		"another's password": {nats.RootCAs(c.ca), nats.UserInfo("journal", c.passwords["gateway"])},
		"an unknown user":    {nats.RootCAs(c.ca), nats.UserInfo("root", c.passwords["gateway"])},
		"an unknown CA":      {nats.UserInfo("gateway", c.passwords["gateway"])},
	} {
		nc, err := nats.Connect(c.url, options...)
		if err == nil {
			nc.Close()
			t.Errorf("%s: let in", what)
		}
	}
	// nats.go turns to TLS by itself when the server wants it: then it must know the CA.
	if nc, err := nats.Connect(plain, nats.UserInfo("gateway", c.passwords["gateway"])); err == nil {
		nc.Close()
		t.Error("let in without TLS")
	}
}

func listen(t *testing.T, nc *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	flush(t, nc)
	return sub
}

func flush(t *testing.T, nc *nats.Conn) {
	t.Helper()
	if err := nc.FlushTimeout(settle); err != nil {
		t.Fatal(fmt.Errorf("flush: %w", err))
	}
}
