package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
)

// streamView is what is shown of the stream.
type streamView struct {
	Name    string     `json:"name"`
	Storage string     `json:"storage"`
	Copies  int        `json:"copies"`
	Records uint64     `json:"records"`
	Bytes   uint64     `json:"bytes"`
	LastSeq uint64     `json:"lastSeq"`
	Cluster string     `json:"cluster,omitzero"`
	Leader  string     `json:"leader"` // empty: none now
	Others  []peerView `json:"followers"`
}

// peerView is a server that follows the stream's leader.
type peerView struct {
	Server  string  `json:"server"`
	Current bool    `json:"current"`
	Offline bool    `json:"offline"`
	Lag     uint64  `json:"lag"`           // changes that it has not got yet
	Silent  float64 `json:"silentSeconds"` // since it was last heard
}

// What JetStream's errors that are told apart are numbered.
const (
	codeNoStream    = 10059
	codeNotEnabled  = 10076
	codeNoJetStream = 10039
)

var errNoStream = errors.New("there is no stream")

// stream asks JetStream. An error is a sentence.
func (c *conn) stream(ctx context.Context) (*streamView, error) {
	name := c.subjects.Stream()
	answer, err := c.request(ctx, nats.NewMsg("$JS.API.STREAM.INFO."+name))
	switch {
	case errors.Is(err, errDenied):
		return nil, err
	case errors.Is(err, errNobody):
		return nil, fmt.Errorf("JetStream does not answer this login (%w)", err)
	case errors.Is(err, errSilence):
		return nil, fmt.Errorf("%w (%v): it may have no leader now", err, c.timeout)
	case err != nil:
		return nil, err
	}
	return readStream(name, answer.Data)
}

// readStream reads JetStream's answer.
func readStream(name string, data []byte) (*streamView, error) {
	var a struct {
		Error *struct {
			Code int    `json:"err_code"`
			Text string `json:"description"`
		} `json:"error"`
		Config struct {
			Storage string `json:"storage"`
			Copies  int    `json:"num_replicas"`
		} `json:"config"`
		State struct {
			Records uint64 `json:"messages"`
			Bytes   uint64 `json:"bytes"`
			LastSeq uint64 `json:"last_seq"`
		} `json:"state"`
		Cluster struct {
			Name   string `json:"name"`
			Leader string `json:"leader"`
			Others []struct {
				Name    string `json:"name"`
				Current bool   `json:"current"`
				Offline bool   `json:"offline"`
				Active  int64  `json:"active"`
				Lag     uint64 `json:"lag"`
			} `json:"replicas"`
		} `json:"cluster"`
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("JetStream's answer cannot be read: %w", err)
	}
	if a.Error != nil {
		switch a.Error.Code {
		case codeNoStream:
			return nil, fmt.Errorf("%w %s: no room service has been here yet", errNoStream, name)
		case codeNotEnabled, codeNoJetStream:
			return nil, fmt.Errorf("JetStream is not open to this login: %s", a.Error.Text)
		}
		return nil, fmt.Errorf("JetStream answers: %s", a.Error.Text)
	}
	v := &streamView{
		Name: name, Storage: a.Config.Storage, Copies: a.Config.Copies, Records: a.State.Records, Bytes: a.State.Bytes,
		LastSeq: a.State.LastSeq, Cluster: a.Cluster.Name, Leader: a.Cluster.Leader, Others: []peerView{},
	}
	for _, o := range a.Cluster.Others {
		v.Others = append(v.Others, peerView{o.Name, o.Current, o.Offline, o.Lag, time.Duration(o.Active).Seconds()})
	}
	return v, nil
}
