package permissions_test

import (
	"encoding/json"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/crypto/bcrypt"

	"github.com/parley-rtc/parley/deploy/keys"
)

// What `nats stream backup` and `nats stream restore` do, with the login that
// docs/operations.md names for it.
func TestTheKeeperBacksTheJournalUpAndRestoresIt(t *testing.T) {
	c := startCluster(t)
	journal := js(t, c, "journal")
	await(t, "the account has JetStream on each server", func() bool {
		_, err := journal.AccountInfo(t.Context())
		return err == nil
	})
	if _, err := journal.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "PARLEY", Subjects: []string{"parley.journal.*"}, Replicas: 3, MaxMsgsPerSubject: 1,
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Publish(t.Context(), "parley.journal.lobby", []byte("record")); err != nil {
		t.Fatal(err)
	}

	keeper := c.login(t, "keeper")
	inbox := nats.NewInbox()
	chunks := listen(t, keeper, inbox)
	var taken struct {
		Error  *json.RawMessage `json:"error"`
		Config json.RawMessage  `json:"config"`
		State  json.RawMessage  `json:"state"`
	}
	call(t, keeper, "$JS.API.STREAM.SNAPSHOT.PARLEY", map[string]any{"deliver_subject": inbox}, &taken)
	if taken.Error != nil {
		t.Fatalf("backup: %s", *taken.Error)
	}
	var backup [][]byte
	for {
		chunk, err := chunks.NextMsg(settle)
		if err != nil {
			t.Fatal(err)
		}
		if len(chunk.Data) == 0 {
			if status := chunk.Header.Get("Status"); status != "" && status != "204" {
				t.Fatalf("backup: %v", chunk.Header)
			}
			break
		}
		backup = append(backup, chunk.Data)
		if chunk.Reply == "" { // not every one is confirmed
			continue
		}
		if err := chunk.Respond(nil); err != nil {
			t.Fatal(err)
		}
	}

	if err := js(t, c, "keeper").DeleteStream(t.Context(), "PARLEY"); err != nil {
		t.Fatal(err)
	}
	var restore struct {
		Error   *json.RawMessage `json:"error"`
		Deliver string           `json:"deliver_subject"`
	}
	call(t, keeper, "$JS.API.STREAM.RESTORE.PARLEY", map[string]any{"config": taken.Config, "state": taken.State}, &restore)
	if restore.Error != nil {
		t.Fatalf("restore: %s", *restore.Error)
	}
	for _, chunk := range append(backup, nil) {
		if _, err := keeper.Request(restore.Deliver, chunk, settle); err != nil {
			t.Fatalf("restore: %v", err)
		}
	}
	await(t, "the record is back", func() bool {
		stream, err := journal.Stream(t.Context(), "PARLEY")
		if err != nil {
			return false
		}
		record, err := stream.GetLastMsgForSubject(t.Context(), "parley.journal.lobby")
		return err == nil && string(record.Data) == "record"
	})
}

// call asks JetStream's API and reads its answer.
func call(t *testing.T, nc *nats.Conn, subject string, request, answer any) {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	message, err := nc.Request(subject, body, settle)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	if err := json.Unmarshal(message.Data, answer); err != nil {
		t.Fatalf("%s: %v in %s", subject, err, message.Data)
	}
}

func TestAPasswordMayBeGivenAsItsHash(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("observer's own password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	c := startCluster(t, func() { t.Setenv(keys.Variable("observer"), string(hash)) })
	c.passwords["observer"] = "observer's own password"
	if answer := c.login(t, "observer").Status(); answer != nats.CONNECTED {
		t.Errorf("the login is %v", answer)
	}
}
