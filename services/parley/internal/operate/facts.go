package operate

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// The room service's name among NATS's micro services, and where all of them are asked.
const (
	microName  = "parley-roomsvc"
	microStats = "$SRV.STATS." + microName
)

// facts are what a replica says of itself as a micro service.
type facts struct {
	Started time.Time
}

// askFacts asks every replica. The answers come to the channel.
func (c *conn) askFacts(into chan *nats.Msg) error {
	inbox := c.NewInbox()
	if err := c.hear(inbox, into); err != nil {
		return err
	}
	before := c.LastError()
	if err := c.PublishRequest(microStats, inbox, nil); err != nil {
		return err // shown as it is
	}
	return c.allowed(before)
}

// readFacts reads a replica's answer. Micro services know no prefix: an answer of another deployment is not ok.
func readFacts(subjects proto.Subjects, b []byte) (proto.ReplicaID, facts, bool) {
	var a struct {
		Started   time.Time         `json:"started"`
		Metadata  map[string]string `json:"metadata"`
		Endpoints []struct {
			Subject string `json:"subject"`
		} `json:"endpoints"`
	}
	if json.Unmarshal(b, &a) != nil {
		return "", facts{}, false
	}
	for _, e := range a.Endpoints {
		if e.Subject == subjects.Rooms(proto.OpRoster) {
			id := proto.ReplicaID(a.Metadata["replica"])
			return id, facts{Started: a.Started}, id.Check() == nil
		}
	}
	return "", facts{}, false
}
