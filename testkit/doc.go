// Package testkit is what Parley's tests share and nothing ships: NATS servers in the test's own process
// ([StartNATS], [StartCluster]) and a plain WebSocket client that records everything it hears ([Dial]).
package testkit
