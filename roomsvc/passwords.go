package roomsvc

import (
	"context"
	"sync"
	"time"

	"github.com/parley-rtc/parley/roomsvc/password"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// Beside the workers, so many passwords are looked at at a time, and so many wait. Those beyond them are answered rate-limited.
const (
	passwordsAtOnce = 2
	passwordQueue   = 10
)

// passwords are looked at beside the workers.
type passwords struct {
	s     *Service
	jobs  chan job
	tries password.Tries
}

// job is a password to look at. hash is empty where one is to be made.
type job struct {
	runner *runner
	ask    *worker.Ask
	hash   string
}

func newPasswords(s *Service) *passwords {
	return &passwords{s: s, jobs: make(chan job, passwordQueue)}
}

// run looks at passwords until ctx ends.
func (p *passwords) run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range passwordsAtOnce {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case j := <-p.jobs:
					p.look(&j)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// look looks at one password, and tells the worker.
func (p *passwords) look(j *job) {
	defer p.s.contain("a password")
	proof := j.ask.Proof
	var l worker.Look
	if j.hash == "" {
		l.Hash = password.Hash(*j.ask.Update.Proof)
	} else {
		right, err := password.Right(j.hash, proof)
		if err != nil {
			p.s.trouble(err)
		}
		l.Checked, l.Right = j.hash, right
		if !right {
			p.tries.Wrong(time.Now(), whose(j.ask), j.ask.Room, j.ask.ID)
		}
		p.s.metrics.password(right)
	}
	j.runner.post(mail{call: func(w *worker.Worker) { w.Looked(time.Now(), j.ask, l) }})
}

// whose returns what a request's wrong passwords are counted by: its user, or without a token what its gateway says of its address.
func whose(a *worker.Ask) string {
	if a.Sub != "" {
		return "user " + a.Sub
	}
	if a.From != "" {
		return "address " + a.From
	}
	return "client " + string(a.ClientID)
}

// looker is a worker's [worker.Passwords].
type looker struct {
	p *passwords
	r *runner
}

// Check implements [worker.Passwords].
func (l looker) Check(a *worker.Ask, hash string) bool {
	if !l.p.tries.May(time.Now(), whose(a), a.Room) {
		l.p.s.metrics.passwords["refused"].Inc()
		return false
	}
	return l.post(job{runner: l.r, ask: a, hash: hash})
}

// Make implements [worker.Passwords].
func (l looker) Make(a *worker.Ask) bool { return l.post(job{runner: l.r, ask: a}) }

func (l looker) post(j job) bool {
	select {
	case l.p.jobs <- j:
		return true
	default:
		l.p.s.metrics.passwords["refused"].Inc()
		return false
	}
}
