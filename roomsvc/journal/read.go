package journal

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// noMessage is JetStream's code for a subject that has no message.
const noMessage = 10037

// Read asks the stream's leader for a room's last record. It waits for what [Journal.Append] waits for, and done gets
// the record as done does there.
// The stream does not allow direct gets, which any copy answers and which are stale in some reads right after a change.
func (j *Journal) Read(token proto.Token, done func(id uint64, r Result)) (uint64, error) {
	id, reply := j.wait(waiter{done: done, read: token})
	body := make([]byte, 0, 128)
	body = append(body, `{"last_by_subj":"`...)
	body = append(body, j.cfg.Subjects.Journal(token)...) // a token needs no escapes
	body = append(body, `"}`...)
	if err := j.nc.PublishRequest(j.get, reply, body); err != nil {
		j.Forget(id)
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return id, nil
}

// decodeRead reads the answer to a read. A record that does not decode, or is another room's, is an error: nothing may be
// decided on it.
func (j *Journal) decodeRead(token proto.Token, data []byte) Result {
	var answer struct {
		Message struct {
			Seq  uint64 `json:"seq"`
			Data []byte `json:"data"`
		} `json:"message"`
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return Result{Err: fmt.Errorf("%w: answer to a read: %w", ErrUnavailable, err)}
	}
	if answer.Error != nil {
		if answer.Error.ErrCode == noMessage {
			return Result{}
		}
		return Result{Err: answer.Error.err()}
	}
	rec, err := j.decoder.Decode(answer.Message.Data)
	if err == nil && rec.Room.Token() != token {
		err = fmt.Errorf("%w: it is of room %q", proto.ErrRecord, rec.Room)
	}
	if err != nil {
		return Result{Seq: answer.Message.Seq, Err: err}
	}
	return Result{Seq: answer.Message.Seq, State: &room.State{
		Seq: answer.Message.Seq, Record: rec, Form: proto.FormOf(answer.Message.Data),
	}}
}
