package views

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// Signal is the data of a numbered signal, as [Signals] expects it.
type Signal struct {
	N int `json:"candidate"`
}

// Flow is the way from one sender to one target in one room.
type Flow struct {
	Room   proto.Room
	Sender proto.ClientID
	Target proto.ClientID
}

// Signals returns the numbers that a client received of each flow, with an error for each that came twice or out of
// order.
func Signals(self proto.ClientID, heard []testkit.Received) (map[Flow][]int, []error) {
	flows := map[Flow][]int{}
	var errs []error
	for i := range heard {
		r := &heard[i]
		if r.Name != proto.SignalReceive {
			continue
		}
		var s Signal
		if err := json.Unmarshal(r.Data, &s); err != nil {
			errs = append(errs, fmt.Errorf("client %s: %s: %w", self, r.Raw, err))
			continue
		}
		f := Flow{Room: r.Room, Sender: r.SenderID, Target: self}
		if n := flows[f]; len(n) > 0 && n[len(n)-1] >= s.N {
			errs = append(errs, fmt.Errorf("client %s: signal %d of %v came after %d", self, s.N, f, n[len(n)-1]))
		}
		flows[f] = append(flows[f], s.N)
	}
	return flows, errs
}
