// Package socketio is the transport for clients that use Socket.IO's own library, versions 2 to 4, without a change: the
// revisions 3 and 4 of Engine.IO, over HTTP long-polling, WebSocket, and the upgrade from one to the other; Socket.IO's
// packets for the default namespace; events with positional arguments and acknowledgements. PROTOCOL.md section 3 says
// what clients see.
//
// What arrives is a frame on the wire:
//
//	Engine.IO     Socket.IO
//	4             2 7 ["room-join","lobby"]     a message; an event that asks for acknowledgement 7
//
// which becomes a [proto.Frame] with ref "7" for the client's [link.Session]; what the session sends becomes 42[...], or
// 437[{...}] when it answers an event that asked.
//
// # Behind a load balancer
//
// A session id begins with the id of the gateway that opened it, its home. A gateway that gets a request for another's
// session hands it over through NATS ([Remote]) and brings back the answer, so requests need not be sticky. The session
// never moves. A WebSocket that arrives at another gateway than the session's home is carried: that gateway asks the home
// for what is to be written, and hands it what it reads. Each frame then costs a request and an answer over NATS more,
// and an idle carried connection one every 10 s and a second goroutine. Load balancers that are sticky avoid the cost;
// nothing is lost without. When the home or the way to it fails, the connection ends, and the client opens a new session.
// When the gateway that carried, or held a poll, dies, its connections die with it; the home notices within 15 s by not
// being asked for more.
package socketio
