// Package ask is how a gateway asks the room service: one request, sent to the replica that ranks first for its room, to the
// next when that one does not answer, and so on until somebody has answered or the time is up. All attempts bear the same
// Parley-Request, so a request that is carried out twice is one change.
//
// Answers come to the gateway's dispatcher, which resolves the [Ask]; the goroutine that asks waits for that.
package ask
