package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/pion/webrtc/v4"
)

// Two offers that cross: the one that gives way hands the other's on, and the other waits for the answer to its own.
func TestOfTwoOffersThatCrossOneGivesWay(t *testing.T) {
	for _, polite := range []bool{true, false} {
		t.Run(fmt.Sprintf("polite %v", polite), func(t *testing.T) {
			ours, theirs := connection(t), connection(t)
			crossed := make(chan crossing, 1)
			p := &peer{pc: ours, polite: polite, cross: crossed, in: make(chan func(), 10), out: make(chan message, 100)}
			p.ctx, p.cancel = context.WithCancel(t.Context())
			defer p.cancel()
			offer := offerOf(t, ours)
			if err := p.describe(offer); err != nil {
				t.Fatal(err)
			}
			if err := p.takeDescription(offerOf(t, theirs)); err != nil {
				t.Fatal(err)
			}
			if polite != (len(crossed) == 1) || polite == p.ignore {
				t.Errorf("it gives way: %v, and ignores: %v", len(crossed) == 1, p.ignore)
			}
		})
	}
}

func connection(t *testing.T) *webrtc.PeerConnection {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.CreateDataChannel("x", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

func offerOf(t *testing.T, pc *webrtc.PeerConnection) webrtc.SessionDescription {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return offer
}
