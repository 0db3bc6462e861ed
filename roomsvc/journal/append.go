package journal

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
)

// Codes of JetStream's errors that say that the expected sequence is not the last one. The second is a cluster's answer
// while another append to the same subject is being agreed on.
const (
	wrongLastSequence         = 10071
	wrongLastSequenceConstant = 10164
)

// apiError is the error in an answer of JetStream.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) err() error {
	switch e.ErrCode {
	case wrongLastSequence, wrongLastSequenceConstant:
		return ErrConflict
	}
	return fmt.Errorf("%w: %s (%d)", ErrUnavailable, e.Description, e.ErrCode)
}

// Append sends a record with the expectation that the room's last one is at expect. It stays for ttl; 0: for ever. Append does not wait for the answer,
// but for the connection as [bus.Conn.Publish] does. done gets the new sequence, or an error that wraps one of those above,
// unless the append is forgotten by its id first; silence is the caller's to end. An error returned means that nothing was
// sent.
func (j *Journal) Append(token proto.Token, record []byte, expect uint64, ttl time.Duration,
	done func(id uint64, r Result),
) (uint64, error) {
	header := nats.Header{jetstream.ExpectedLastSubjSeqHeader: []string{strconv.FormatUint(expect, 10)}}
	if ttl > 0 {
		header[jetstream.MsgTTLHeader] = []string{strconv.Itoa(int(ttl/time.Second)) + "s"}
	}
	id, reply := j.wait(waiter{done: done})
	err := j.nc.PublishMsg(&nats.Msg{Subject: j.cfg.Subjects.Journal(token), Reply: reply, Header: header, Data: record})
	if err == nil {
		return id, nil
	}
	j.Forget(id)
	if errors.Is(err, nats.ErrMaxPayload) {
		return 0, ErrTooLarge
	}
	return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// decodeAck reads the answer to an append: {"stream":"PARLEY","seq":7}, or one with an error.
func decodeAck(data []byte) Result {
	var ack struct {
		Seq   uint64    `json:"seq"`
		Error *apiError `json:"error"`
	}
	if seq, ok := scanAck(data); ok {
		return Result{Seq: seq}
	}
	if err := json.Unmarshal(data, &ack); err != nil {
		return Result{Err: fmt.Errorf("%w: answer to an append: %w", ErrUnavailable, err)}
	}
	if ack.Error != nil {
		return Result{Err: ack.Error.err()}
	}
	if ack.Seq == 0 {
		return Result{Err: fmt.Errorf("%w: an answer to an append without a sequence", ErrUnavailable)}
	}
	return Result{Seq: ack.Seq}
}

// scanAck reads the usual answer without a decoder.
func scanAck(data []byte) (uint64, bool) {
	if bytes.Contains(data, []byte(`"error"`)) {
		return 0, false
	}
	_, rest, ok := bytes.Cut(data, []byte(`"seq":`))
	if !ok {
		return 0, false
	}
	var seq uint64
	for _, c := range bytes.TrimLeft(rest, " ") {
		if c < '0' || c > '9' {
			break
		}
		seq = seq*10 + uint64(c-'0')
	}
	return seq, seq != 0
}
