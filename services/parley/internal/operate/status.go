package operate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// status is the command that shows what runs.
type status struct {
	flags
}

// statusView is what is shown. What could not be found out is left out, and troubles says why.
type statusView struct {
	NATS     serverView    `json:"nats"`
	Prefix   string        `json:"prefix"`
	Rooms    *roomsView    `json:"rooms,omitzero"`
	Replicas []replicaView `json:"replicas"`
	Gateways []gatewayView `json:"gateways"`
	Stream   *streamView   `json:"stream,omitzero"`
	Troubles troubles      `json:"troubles,omitzero"`
}

// serverView is the NATS server that the command is connected to.
type serverView struct {
	Server  string  `json:"server"`
	Cluster string  `json:"cluster,omitzero"`
	Version string  `json:"version"`
	Millis  float64 `json:"roundTripMillis"`
}

// roomsView is how many there are.
type roomsView struct {
	Rooms    uint64 `json:"rooms"`
	Members  uint64 `json:"members"`
	Complete bool   `json:"complete"` // false: time was up before all had been counted
}

// replicaView is one replica.
type replicaView struct {
	ID      proto.ReplicaID `json:"id"`
	State   string          `json:"state"` // up, leaving, or silent: it answers and does not beat
	Started time.Time       `json:"started,omitzero"`
	Rooms   uint64          `json:"rooms"` // for which it ranks first, of those that were counted
}

// gatewayView is one gateway, or another service with members.
type gatewayView struct {
	ID       string  `json:"id"`
	State    string  `json:"state"`
	Sessions *uint64 `json:"sessions,omitzero"` // nil: it does not say
	Away     *uint64 `json:"away,omitzero"`
	Rooms    *uint64 `json:"rooms,omitzero"`
}

// troubles say why something is not shown.
type troubles struct {
	Replicas string `json:"replicas,omitzero"`
	Started  string `json:"started,omitzero"`
	Gateways string `json:"gateways,omitzero"`
	Rooms    string `json:"rooms,omitzero"`
	Stream   string `json:"stream,omitzero"`
}

func (s *status) run(ctx context.Context, out, _ io.Writer) error {
	c, err := s.connect("status")
	if err != nil {
		return err
	}
	defer c.Close()
	v, err := c.look(ctx)
	if err != nil {
		return err
	}
	if !s.JSON {
		return print(out, v.text(time.Now()))
	}
	b, err := json.Marshal(v, jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return print(out, string(b)+"\n")
}

// look finds out what can be found out with the login.
func (c *conn) look(ctx context.Context) (*statusView, error) {
	trip, err := c.RTT()
	if err != nil {
		return nil, fmt.Errorf("NATS: %w", err)
	}
	v := &statusView{
		NATS: serverView{
			Server: c.ConnectedServerName(), Cluster: c.ConnectedClusterName(), Version: c.ConnectedServerVersion(),
			Millis: float64(trip.Microseconds()) / 1000,
		},
		Prefix: c.subjects.Prefix(),
	}
	heard := make(chan *nats.Msg, waiting)
	say := func(err error) string {
		if err != nil {
			return err.Error()
		}
		return ""
	}
	v.Troubles.Replicas = say(c.hear(c.subjects.BeatAll(proto.RoleRoomsvc), heard))
	v.Troubles.Gateways = say(c.hear(c.subjects.BeatAll(proto.RoleGateway), heard))
	v.Troubles.Started = say(c.askFacts(heard))
	until := time.Now().Add(window)
	v.Stream, err = c.stream(ctx)
	v.Troubles.Stream = say(err)
	p := collect(c.subjects, heard, time.Until(until))
	v.Replicas, v.Gateways = p.replicas(), p.gateways()
	v.Troubles.Rooms = say(c.share(ctx, v))
	return v, nil
}

// share counts the rooms, and for each replica those for which it ranks first.
func (c *conn) share(ctx context.Context, v *statusView) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var up []proto.ReplicaID
	index := map[proto.ReplicaID]int{}
	for i, r := range v.Replicas {
		if r.State == string(proto.Up) {
			up, index[r.ID] = append(up, r.ID), i
		}
	}
	var sum tally
	err := c.pages(ctx, func(page []proto.RoomInfo) error {
		sum.add(page)
		for _, p := range page {
			if first := proto.First(up, p.Room.Token()); first != "" {
				v.Replicas[index[first]].Rooms++
			}
		}
		return nil
	})
	if err != nil && sum.rooms == 0 {
		return err
	}
	v.Rooms = &roomsView{Rooms: sum.rooms, Members: sum.members, Complete: err == nil}
	if err != nil {
		return fmt.Errorf("not all were counted: %w", err)
	}
	return nil
}

// replicas returns those that were heard, in the order of their ids.
func (p *processes) replicas() []replicaView {
	all := []replicaView{}
	for id, f := range p.facts {
		if _, beats := p.beats[string(id)]; !beats {
			all = append(all, replicaView{ID: id, State: "silent", Started: f.Started})
		}
	}
	for _, id := range p.of(proto.RoleRoomsvc) {
		id := proto.ReplicaID(id)
		all = append(all, replicaView{ID: id, State: string(p.beats[string(id)].State), Started: p.facts[id].Started})
	}
	slices.SortFunc(all, func(a, b replicaView) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// gateways returns those that were heard, in the order of their ids.
func (p *processes) gateways() []gatewayView {
	all := []gatewayView{}
	for _, id := range p.of(proto.RoleGateway) {
		b := p.beats[id]
		g := gatewayView{ID: id, State: string(b.State)}
		if b.Load != nil {
			g.Sessions, g.Away, g.Rooms = &b.Load.Sessions, &b.Load.Away, &b.Load.Rooms
		}
		all = append(all, g)
	}
	return all
}
