// Package session is one client of a gateway: what it has asked and has not been carried out yet (the [inbox]), the
// goroutine that carries that out one at a time (the pump), what it is to be told and has not been written yet (the
// [Outbox]), and the end of its connection.
//
//	reader ──Receive──▶ inbox ──▶ pump ──▶ Turns, ask ──▶ NATS
//	writer ◀── Outbox ◀──Send, Tell, Offer── dispatcher
//
// The reader is the transport's and lives as long as the connection. Pump and writer live while there is something to do.
// Which rooms the client is in the dispatcher decides, and notes here for the pump.
package session
