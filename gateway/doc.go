// Package gateway holds clients' connections and translates what they ask into requests over NATS, and what NATS brings
// into what they are told. It knows sockets, and no rules about rooms: those are the room service's, package roomsvc, which may
// run in the same process or anywhere that NATS reaches.
//
// [New] makes a gateway, [Gateway.Serve] runs it on a listener with an HTTP server of its own:
//
//	g, err := gateway.New(gateway.Config{Servers: "nats://127.0.0.1:4222"}, slog.Default(), prometheus.DefaultRegisterer)
//	if err != nil {
//		return err
//	}
//	return g.Serve(ctx, listener) // until ctx ends; then it drains
//
// Whoever has an HTTP server already puts [Gateway.Handler] into its mux, and runs the rest with [Gateway.Run].
//
// A gateway keeps nothing that cannot be lost, and asks nobody before it starts: while NATS is away clients stay connected, and
// what they ask is answered unavailable. [Gateway.Ready] says whether clients should come. Any number may run beside each other,
// in one process too; each has an id of its own.
//
// A defect (a panic) in what concerns one client ends that client's request or connection. Any other may have left half changed
// what all rely on: the gateway then closes its connections in good order, and Run returns an error.
package gateway
