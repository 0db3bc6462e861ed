package main

import (
	"bytes"
	"context"
	_ "embed"
	"log"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
)

// moving is four seconds of VP8, made by:
//
//	ffmpeg -f lavfi -i testsrc=size=320x240:rate=15 -t 4 -c:v libvpx -b:v 120k -g 15 -auto-alt-ref 0 moving.ivf
//
//go:embed moving.ivf
var moving []byte

// picture is a track that plays the same seconds over and over, to all peers at once.
type picture struct {
	track  *webrtc.TrackLocalStaticSample
	frames [][]byte
	each   time.Duration
}

func newPicture() (*picture, error) {
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "picture", "go-peer")
	if err != nil {
		return nil, err
	}
	reader, header, err := ivfreader.NewWith(bytes.NewReader(moving))
	if err != nil {
		return nil, err
	}
	p := &picture{track: track, each: time.Second * time.Duration(header.TimebaseNumerator) / time.Duration(header.TimebaseDenominator)}
	for {
		frame, _, err := reader.ParseNextFrame()
		if err != nil {
			return p, nil //nolint:nilerr // the end
		}
		p.frames = append(p.frames, frame)
	}
}

func (p *picture) play(ctx context.Context) {
	tick := time.NewTicker(p.each)
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % len(p.frames) {
		select {
		case <-tick.C:
			if err := p.track.WriteSample(media.Sample{Data: p.frames[i], Duration: p.each}); err != nil {
				log.Println("picture:", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
