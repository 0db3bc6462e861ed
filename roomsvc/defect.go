package roomsvc

import (
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"github.com/parley-rtc/parley/proto"
)

// errDefect says that the service ended because of a defect of its own, which is in the log.
var errDefect = errors.New("a defect has left a part half changed; the process should be started anew")

// contain, deferred around the reading of one request, keeps a defect there from ending the replica: its asker would take
// the same request to the next, and end that too. The rule: a defect in code that only reads (decoders, the rules, the look-up
// of a signal's target) costs the request or record that it was about, whose asker hears of it by silence; any other may
// have left a worker half changed, and ends the service in good order, as [Service.part] does. No lock is held past a
// defect: whoever takes one here gives it back by defer.
func (s *Service) contain(where string) {
	if defect := recover(); defect != nil {
		_ = s.defect(where, defect) // it is logged
	}
}

// defect logs a defect and returns it as an error.
func (s *Service) defect(where string, defect any) error {
	id := proto.NewRequestID()
	s.log.Error("a defect", "id", id, "where", where, "panic", defect, "stack", string(debug.Stack()))
	return fmt.Errorf("%w: %s: %v (%s)", errDefect, where, defect, id)
}

// part runs a part of the service. One that ends by a defect ends the service in good order: gateways hear that it leaves,
// and the other parts answer what they can, within timings.StopWithin.
func (s *Service) part(g *errgroup.Group, name string, run func() error) {
	g.Go(func() (err error) {
		defer func() {
			if defect := recover(); defect != nil {
				err = s.defect(name, defect)
			}
			if errors.Is(err, errDefect) {
				s.fail(err)
				err = nil // the others go on until they are told to stop
			}
		}()
		return run()
	})
}
