// Package proto is Parley's contract in Go: what clients, gateways, the room service and other services say to each
// other. It has no I/O; gateway and roomsvc import it and never each other.
//
// Over a socket a client sends requests ([Frame]) and hears answers and pushes ([Event]):
//
//	→ {"event":"room-join","room":"lobby","ref":"7"}
//	← {"event":"room-joined","room":"lobby","ownerId":"9f…","clients":["9f…","c2…"],"seq":4,"ref":"7"}
//
// A gateway turns a frame into a [Request], sends it over NATS to the replica that ranks [First] for the room
// ([Subjects.Replica], with the headers [HeaderRequest] and [HeaderTimeout]), and hears the answer, the room's events
// and its clients' signals on its one subscription ([Subjects.GatewayAll], read with [Subjects.ParseGateway]).
//
// A room's truth is its last [Record] in the stream named by [Subjects.Stream], on the subject that
// [Subjects.Journal] gives; each record is appended with the expectation that the one it was decided on is still the
// last. Room names stand in subjects as a [Token].
//
// Processes say that they are here with a [Beat] each second (gateways with their [Load], for people who look), and
// replicas tell gateways what they believe of their members with a [Check] every ten.
//
// A client may have a session that outlives its connection: it shows a key ([ParseKey]), and comes back with a [Resume]. The room's
// record then says by which connection it is in there ([Stay]). The gateway of whoever sends it signals keeps them until the end of
// its connection has confirmed them, and hands them to its gateway in a [Push]; what gateways say to each other besides is a [Peer].
//
// Everything on the wire is in testdata/golden.json, which the tests in Go and in JavaScript share.
package proto
