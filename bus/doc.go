// Package bus is the one way to NATS that gateways and the room service share: how a connection is kept, how soon a broken
// one is found, when another server is tried, and how its owner is told.
//
// [Connect] makes a [Conn]. It reconnects for ever, with short waits that differ from process to process. It keeps nothing to
// send while NATS is away: a message that cannot be sent fails at once, and who sent it asks again.
//
// A broken connection is found within [Found] of what it last brought. nats.go pings, which finds it while there is little to
// send. Under load the socket's buffer fills up, a write blocks, and nats.go holds its lock meanwhile, so that pings wait too.
// A line, which is what nats.go writes to, therefore bounds each write and ends the connection itself:
//
//	packets vanish → the buffer fills → a write waits, and every ping behind it → 4.5 s after the last byte that was
//	read the line closes itself → nats.go hears so from its reader, as when the other side had closed → another server
//
// [Conn.IsConnected], [Conn.Line] and the methods that publish take no lock to see that NATS is away, since nats.go also holds
// its lock while it dials.
//
// A [Mover] says when a server that is reached, but over which nobody is heard, is to be left for another. A [Queue] hands
// things to another goroutine and wakes it; a [Bell] only wakes it.
package bus
