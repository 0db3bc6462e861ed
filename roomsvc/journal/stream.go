package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// identity tells one stream from another that was made later under the same name.
type identity struct {
	created time.Time
	last    uint64
}

// Ensure makes the stream, or checks the one that is there, and gives it more copies where the setting has grown. An
// error that wraps [ErrStream] says what somebody has to do; any other may pass by itself.
func (j *Journal) Ensure(ctx context.Context) error {
	_, err := j.ensure(ctx)
	return err
}

func (j *Journal) ensure(ctx context.Context) (identity, error) {
	name := j.cfg.Subjects.Stream()
	stream, err := j.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = j.js.CreateStream(ctx, j.wanted())
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another replica was first
			stream, err = j.js.Stream(ctx, name)
		}
	}
	if err != nil {
		return identity{}, fmt.Errorf("stream %s: %w", name, err)
	}
	info := stream.CachedInfo()
	if err := j.check(&info.Config); err != nil {
		return identity{}, err
	}
	if info.Config.Replicas < j.cfg.Replicas {
		raised := info.Config
		raised.Replicas = j.cfg.Replicas
		if _, err := j.js.UpdateStream(ctx, raised); err != nil {
			return identity{}, fmt.Errorf("stream %s: from %d copies to %d: %w", name, info.Config.Replicas, raised.Replicas, err)
		}
	}
	return identity{created: info.Created, last: info.State.LastSeq}, nil
}

func (j *Journal) wanted() jetstream.StreamConfig {
	storage := jetstream.FileStorage
	if j.cfg.Memory {
		storage = jetstream.MemoryStorage
	}
	return jetstream.StreamConfig{
		Name:              j.cfg.Subjects.Stream(),
		Description:       "Parley's rooms: the last record of each",
		Subjects:          []string{j.cfg.Subjects.JournalAll()},
		MaxMsgsPerSubject: 1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		Storage:           storage,
		Replicas:          max(j.cfg.Replicas, 1),
		AllowMsgTTL:       true, // for closings
		AllowDirect:       false,
		DenyDelete:        true, // a record goes by a later one or by its age
	}
}

// check says in words where a stream is not what rooms need.
func (j *Journal) check(have *jetstream.StreamConfig) error {
	want := j.wanted()
	wrong := ""
	switch {
	case len(have.Subjects) != 1 || have.Subjects[0] != want.Subjects[0]:
		wrong = fmt.Sprintf("its subjects are %q, not %q", have.Subjects, want.Subjects)
	case have.MaxMsgsPerSubject != 1:
		wrong = fmt.Sprintf("it keeps %d records of a room, not 1", have.MaxMsgsPerSubject)
	case have.Storage != want.Storage:
		wrong = fmt.Sprintf("it is kept in %s storage, and %s is set (--storage)", have.Storage, want.Storage)
	case have.AllowDirect:
		wrong = "it allows direct gets, whose answers can be stale"
	case !have.AllowMsgTTL:
		wrong = "it does not let messages expire by themselves"
	case have.Retention != jetstream.LimitsPolicy || have.Mirror != nil || len(have.Sources) > 0 ||
		have.Sealed || have.NoAck || have.SubjectTransform != nil:
		wrong = "it is not an ordinary stream of its own (retention, mirror, sources, transform, sealed or no_ack)"
	case have.MaxAge != 0 || have.MaxMsgs > 0 || have.MaxBytes > 0:
		wrong = "it has limits that would drop rooms (max_age, max_msgs or max_bytes)"
	}
	if wrong == "" {
		return nil
	}
	return fmt.Errorf("%w: stream %s: %s; delete the stream (its rooms are lost) or set another prefix (--prefix)",
		ErrStream, have.Name, wrong)
}
