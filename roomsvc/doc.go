// Package roomsvc is the room service: it answers requests about rooms over NATS, keeps rooms in a JetStream stream as its
// journal, and tells gateways and other services of each change once it is committed. It knows no sockets.
//
// [New] makes a replica, [Service.Run] runs it:
//
//	s, err := roomsvc.New(roomsvc.Config{Servers: "nats://127.0.0.1:4222"}, slog.Default(), prometheus.DefaultRegisterer)
//	if err != nil {
//		return err
//	}
//	return s.Run(ctx) // until ctx ends; then it leaves in good order
//
// Any number of replicas may run, in one process too, and each can carry out every request: the stream decides. They make the
// stream where it is missing, and wait while NATS is away. [Service.Ready] says whether one takes requests. tests/example_test.go
// runs one beside a NATS server in the same process.
//
// A defect (a panic) in code that only reads costs the request that it was about. Any other may have left half changed what the
// replica knows: it then leaves in good order, and Run returns an error.
package roomsvc
