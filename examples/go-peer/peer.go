package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"time"

	"github.com/pion/webrtc/v4"

	parley "github.com/parley-rtc/parley/clients/go"
)

// message is what two members tell each other.
type message struct {
	Description *webrtc.SessionDescription `json:"description,omitempty"`
	Candidate   *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
}

// peer is the connection to one member. One goroutine works through what comes and what is to be done, another sends.
type peer struct {
	id     string
	ctx    context.Context //nolint:containedctx // the connection's life: it ends with close
	cancel context.CancelFunc
	pc     *webrtc.PeerConnection
	polite bool // it gives way when two offers cross
	in     chan func()
	out    chan message
	early  []webrtc.ICECandidateInit // came before the description that they belong to
	cross  chan<- crossing
	ignore bool // the other's offer crossed ours, and gives way
}

// crossing is an offer that has crossed one of ours, which gives way.
type crossing struct {
	from  *peer
	offer webrtc.SessionDescription
}

func newPeer(ctx context.Context, room *parley.Room, id string, picture *picture, servers []parley.ICEServer, offers bool, crossed chan<- crossing) (*peer, error) {
	var config webrtc.Configuration
	for _, s := range servers {
		config.ICEServers = append(config.ICEServers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	pc, err := webrtc.NewPeerConnection(config)
	if err != nil {
		return nil, err
	}
	p := &peer{id: id, cross: crossed, pc: pc, polite: room.Self() < id, in: make(chan func(), 256), out: make(chan message, 256)}
	p.ctx, p.cancel = context.WithCancel(ctx)
	if _, err := pc.AddTrack(picture.track); err != nil {
		return nil, err
	}
	if err := p.chat(); err != nil {
		return nil, err
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		end := webrtc.ICECandidateInit{} // the end of candidates is an empty object on the wire
		if c != nil {
			end = c.ToJSON()
		}
		p.tell(message{Candidate: &end})
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		log.Println(id, s)
		if s == webrtc.PeerConnectionStateFailed {
			p.renew()
		}
	})
	go p.work()
	go p.send(room, id)
	if offers {
		p.renew()
	}
	return p, nil
}

// chat answers what is written on the channel that the page and this program both make, under the same number.
func (p *peer) chat() error {
	both, number := true, uint16(0)
	channel, err := p.pc.CreateDataChannel("parley", &webrtc.DataChannelInit{Negotiated: &both, ID: &number})
	if err != nil {
		return err
	}
	say := func(value map[string]any) {
		text, _ := json.Marshal(value)
		if err := channel.SendText(string(text)); err != nil {
			log.Println("chat:", err)
		}
	}
	channel.OnOpen(func() { say(map[string]any{"type": "hello", "name": "Go peer", "microphone": false, "camera": true}) })
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var line struct{ Type, Text string }
		if json.Unmarshal(m.Data, &line) == nil && line.Type == "chat" {
			say(map[string]any{"type": "chat", "text": "You said: " + line.Text})
		}
	})
	return nil
}

func (p *peer) close() {
	p.cancel()
	_ = p.pc.Close()
}

// do has a step done after those before it.
func (p *peer) do(step func() error) {
	select {
	case p.in <- func() {
		if err := step(); err != nil && p.ctx.Err() == nil {
			log.Println("negotiation:", err)
		}
	}:
	case <-p.ctx.Done():
	}
}

func (p *peer) work() {
	for {
		select {
		case step := <-p.in:
			step()
		case <-p.ctx.Done():
			return
		}
	}
}

// renew makes an offer, with new paths.
func (p *peer) renew() {
	p.do(func() error {
		if p.pc.SignalingState() != webrtc.SignalingStateStable {
			return nil
		}
		offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: p.pc.RemoteDescription() != nil})
		if err != nil {
			return err
		}
		return p.describe(offer)
	})
}

// describe sets and tells a description of ours.
func (p *peer) describe(d webrtc.SessionDescription) error {
	if err := p.pc.SetLocalDescription(d); err != nil {
		return err
	}
	p.tell(message{Description: &d})
	return nil
}

// take works through what the other side says, in order.
func (p *peer) take(m message) {
	p.do(func() error {
		if m.Description != nil {
			return p.takeDescription(*m.Description)
		}
		if m.Candidate == nil || p.ignore {
			return nil
		}
		if p.pc.RemoteDescription() == nil {
			p.early = append(p.early, *m.Candidate)
			return nil
		}
		return p.pc.AddICECandidate(*m.Candidate)
	})
}

func (p *peer) takeDescription(d webrtc.SessionDescription) error {
	offer := d.Type == webrtc.SDPTypeOffer
	crossed := offer && p.pc.SignalingState() != webrtc.SignalingStateStable
	if p.ignore = crossed && !p.polite; p.ignore {
		return nil
	}
	if crossed {
		select {
		case p.cross <- crossing{p, d}:
		case <-p.ctx.Done():
		}
		return nil
	}
	if err := p.pc.SetRemoteDescription(d); err != nil {
		return err
	}
	early := p.early
	p.early = nil
	for _, c := range early {
		if err := p.pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	if !offer {
		return nil
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return p.describe(answer)
}

// tell sends a message after those before it.
func (p *peer) tell(m message) {
	select {
	case p.out <- m:
	case <-p.ctx.Done():
	}
}

func (p *peer) send(room *parley.Room, id string) {
	for {
		select {
		case m := <-p.out:
			for p.ctx.Err() == nil {
				err := room.Signal(p.ctx, id, m)
				if e, is := errors.AsType[*parley.Error](err); !is || !e.Temporary() {
					break
				}
				select {
				case <-time.After(time.Second):
				case <-p.ctx.Done():
				}
			}
		case <-p.ctx.Done():
			return
		}
	}
}
