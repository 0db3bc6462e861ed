package main

import (
	"slices"
	"time"
)

// transport is what the load speaks.
type transport string

const (
	plain     transport = "plain"
	resumable transport = "resumable" // plain, by sessions that outlive their connections
	tokens    transport = "tokens"    // plain, each client with a token of its own
	socketIO  transport = "socketio"
)

// speaks says which systems understand a transport.
var speaks = map[transport][]name{
	plain:     {floor, parley, three, three2, three4},
	resumable: {parley, three, three2, three4},
	tokens:    {guarded},
	socketIO:  {node, node2, parley},
}

// scenario is one way to load a system.
type scenario struct {
	name      string // as it stands in the JSON, without the transport
	transport transport
	args      []string
	heavy     bool // not in every round: long to set up
	fresh     bool // wants servers that were just started, and is measured once
	quick     bool // part of --quick
	scaled    bool // put to several gateways and room services too
	only      name // not empty: put to this system alone
}

// suits says whether a scenario is put to a system.
func (s scenario) suits(n name) bool {
	if s.only != "" {
		return n == s.only
	}
	return slices.Contains(speaks[s.transport], n) && (s.scaled || n != three2 && n != three4)
}

// key is a scenario's name with its transport: "plain/join".
func (s scenario) key() string { return string(s.transport) + "/" + s.name }

// plan is every scenario, those that leave much behind in the servers last.
var plan = []scenario{
	{name: "signal-1", transport: plain, args: []string{"signal", "--rooms", "1"}, quick: true},
	{name: "signal-16", transport: plain, args: []string{"signal", "--rooms", "16"}},
	{name: "signal-50", transport: plain, args: []string{"signal", "--rooms", "50"}, quick: true, scaled: true},
	{name: "signal-256", transport: plain, args: []string{"signal", "--rooms", "256"}, scaled: true},
	{name: "rate-1", transport: plain, args: []string{"signal", "--rate", "5000", "--rooms", "1"}},
	{name: "rate-50", transport: plain, args: []string{"signal", "--rate", "5000", "--rooms", "50"}, quick: true, scaled: true},
	{name: "signal-50", transport: socketIO, args: []string{"signal", "--rooms", "50"}, quick: true},
	{name: "rate-50", transport: socketIO, args: []string{"signal", "--rate", "5000", "--rooms", "50"}},
	{name: "signal-50", transport: resumable, args: []string{"signal", "--rooms", "50"}, quick: true, scaled: true},
	{name: "rate-50", transport: resumable, args: []string{"signal", "--rate", "5000", "--rooms", "50"}, scaled: true},
	{name: "join", transport: resumable, args: []string{"join"}, quick: true},
	{name: "join", transport: plain, args: []string{"join"}, quick: true},
	{name: "fill", transport: plain, args: []string{"fill"}, scaled: true},
	{name: "herd", transport: plain, args: []string{"fill", "--joining", "1000"}, scaled: true},
	{name: "fanout-50", transport: plain, args: []string{"fanout", "--wave", "50"}, quick: true},
	{name: "fanout-1", transport: plain, args: []string{"fanout", "--wave", "1"}},
	{name: "signal-10000", transport: plain, args: []string{"signal", "--rooms", "10000", "--inflight", "50"}, heavy: true},
	{name: "rate-10000", transport: plain, args: []string{"signal", "--rate", "5000", "--rooms", "10000"}, heavy: true},
	{name: "idle-1000", transport: plain, args: []string{"idle", "--conns", "1000"}, fresh: true, quick: true},
	{name: "idle-10000", transport: plain, args: []string{"idle", "--conns", "10000"}, fresh: true},
	{name: "idle-10000", transport: resumable, args: []string{"idle", "--conns", "10000"}, fresh: true},
	{name: "signal-50", transport: tokens, args: []string{"signal", "--rooms", "50"}, quick: true},
	{name: "join", transport: tokens, args: []string{"join"}},
	{name: "idle-10000", transport: tokens, args: []string{"idle", "--conns", "10000"}, fresh: true},
	{name: "back-2000", transport: resumable, args: []string{"comeback", "--sessions", "2000"}, fresh: true, only: three2},
	{name: "back-1", transport: resumable, args: []string{"comeback", "--sessions", "1", "--kills", "3", "--others", "1"}, fresh: true, only: three4},
	{name: "idle-1000", transport: socketIO, args: []string{"idle", "--conns", "1000"}, fresh: true},
	{name: "idle-10000", transport: socketIO, args: []string{"idle", "--conns", "10000"}, fresh: true},
}

// pacing is how long a scenario is loaded.
type pacing struct {
	rounds, heavyRounds int
	warmup, duration    time.Duration
}

// pacing is the full run's or the quick one's.
func (s *settings) pacing() pacing {
	if s.Quick {
		return pacing{rounds: 1, warmup: 200 * time.Millisecond, duration: 700 * time.Millisecond}
	}
	return pacing{rounds: s.Rounds, heavyRounds: min(s.Rounds, 2), warmup: 400 * time.Millisecond, duration: 1500 * time.Millisecond}
}
