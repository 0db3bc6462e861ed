// Package views judges what clients, other services and the journal saw of rooms against each other, by the guarantees
// of PROTOCOL.md section 1. It knows nothing of how they are kept.
package views
