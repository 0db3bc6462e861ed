package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// How the server is watched. NATS's store refuses every write after one that has failed (a full disk, no file descriptor),
// until the server is started again, and leaves appends without an answer.
const (
	lookEvery = 500 * time.Millisecond
	// stalled is after how long without one stored append another server is started, whatever this one says of itself.
	stalled = 15 * time.Second
	// renewEvery is between two attempts: each takes away everybody's connection to NATS for a moment, and while the disk is
	// full none helps.
	renewEvery = 10 * time.Second
	// renewWithin is how long it may take until a server has stopped and the next one has started.
	renewWithin = 10 * time.Second
	retryEvery  = time.Second
)

// errStuck is what a server comes to that does not stop: its disk may not answer. The end of the process ends it.
var errStuck = errors.New("the one that has failed does not stop")

// Mind is what the rest of the process knows of the journal.
type Mind struct {
	Unsettled func() time.Duration // for how long nothing was stored that was appended
	Failed    func()               // hears that the store has failed
}

// Watch says what the rest of the process knows. It must be called before Run, if at all.
func (b *Broker) Watch(m Mind) { b.mind = m }

// watch looks after the server until ctx ends. An error says that it has failed and is not to be had again.
func (b *Broker) watch(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var before string     // what was wrong at the last look
	var renewed time.Time // when the server was replaced last
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		ill := b.ill()
		sure := ill != "" && ill == before // a stream that is just being made looks ill for a moment
		before = ill
		if ill == "" && b.mind.Unsettled != nil && b.mind.Unsettled() >= stalled {
			ill, sure = fmt.Sprintf("nothing was stored for %v", stalled), true
		}
		if !sure {
			continue
		}
		if b.mind.Failed != nil {
			b.mind.Failed()
		}
		if time.Since(renewed) < renewEvery {
			continue
		}
		b.log.log.Error("the journal's store has failed, starting the NATS server inside anew", "reason", ill)
		if err := b.renew(ctx); err != nil {
			return fmt.Errorf("the journal's store has failed (%s), and the NATS server inside could not be started anew: %w; "+
				"see that the disk has room and that the process may open enough files (ulimit -n), then start parley again", ill, err)
		}
		if ctx.Err() == nil {
			b.log.log.Info("the NATS server inside has been started anew")
		}
		renewed, before = time.Now(), ""
	}
}

// renew stops the server and starts another, with what it had stored.
func (b *Broker) renew(ctx context.Context) error {
	deadline := time.NewTimer(renewWithin)
	defer deadline.Stop()
	b.serving.Store(nil)
	old, gone := b.srv.Load(), make(chan struct{})
	go func() { // it ends with the server, or the process does
		defer close(gone)
		old.Shutdown()
		old.WaitForShutdown()
	}()
	select {
	case <-gone:
	case <-deadline.C:
		return errStuck
	}
	for {
		err := b.again(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		b.log.log.Warn("the NATS server inside does not start yet", "error", err)
		again := time.NewTimer(retryEvery)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return nil
		case <-deadline.C:
			again.Stop()
			return err
		}
	}
}

// again starts a server, once there are the file descriptors that reading the journal takes. One that does not start is
// stopped.
func (b *Broker) again(ctx context.Context) error {
	files, err := reserve()
	for _, f := range files {
		_ = f.Close() // nothing was written to it
	}
	if err != nil {
		return err
	}
	if err = b.start(ctx); err != nil {
		srv := b.srv.Load()
		srv.Shutdown()
		srv.WaitForShutdown()
	}
	return err
}

// reserve opens as many files as a server opens when it starts, with some to spare.
func reserve() ([]*os.File, error) {
	const enough = 32
	files := make([]*os.File, 0, enough)
	for range enough {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return files, fmt.Errorf("too few file descriptors are left: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}

// ill returns what the server says is wrong with the journal's files, or "". It tells only what has gone wrong when something
// was written. Its log tells more than its health check, which without a file descriptor finds no stream to look at.
func (b *Broker) ill() string {
	if said := b.log.broke(); said != "" {
		return said
	}
	if b.cfg.DataDir == "" || !journalIn(b.dir, b.cfg.Stream) {
		return ""
	}
	ask, err := http.NewRequest(http.MethodGet, "/healthz?account=$G&stream="+b.cfg.Stream, http.NoBody) // it is a call
	if err != nil {
		return ""
	}
	var answer recorder
	b.srv.Load().HandleHealthz(&answer, ask)
	if answer.status != http.StatusServiceUnavailable { // others: there is no stream yet, or the server is busy
		return ""
	}
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(answer.body.Bytes(), &said) != nil || said.Error == "" {
		said.Error = strings.TrimSpace(answer.body.String())
	}
	return said.Error
}

// recorder takes an HTTP handler's answer.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = make(http.Header)
	}
	return r.header
}

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) } // it never fails
