package clients

import (
	"time"

	"github.com/parley-rtc/parley/gateway/ice"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// ICE is by which servers clients reach each other through their firewalls.
type ICE struct {
	STUN       []string      `group:"Firewalls" name:"stun" sep:"," placeholder:"URL" help:"STUN server that clients are told, such as stun:stun.example.org:3478. May be repeated."`
	TURN       []string      `group:"Firewalls" name:"turn" sep:"," placeholder:"URL" help:"TURN server that clients are given credentials for, such as turn:turn.example.org:3478?transport=udp. May be repeated; it needs --turn-secret-file."`
	TURNSecret string        `group:"Firewalls" name:"turn-secret-file" placeholder:"FILE" help:"File with the secret that the TURN servers share (coturn: static-auth-secret, with use-auth-secret)."`
	TURNTTL    time.Duration `group:"Firewalls" name:"turn-ttl" default:"10m" placeholder:"TIME" help:"For how long credentials for the TURN servers count (${default})."`
}

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (i *ICE) Check() error { return i.CheckBeside(false) }

// CheckBeside is [ICE.Check] of a program that may have a TURN server inside, which takes the secret too.
func (i *ICE) CheckBeside(inside bool) error {
	for flag, urls := range map[string][]string{"--stun": i.STUN, "--turn": i.TURN} {
		for _, u := range urls {
			if err := ice.CheckURL(u, flag == "--turn"); err != nil {
				return settings.Errorf("%s %q %v", flag, u, err)
			}
		}
	}
	switch {
	case len(i.TURN) > 0 && i.TURNSecret == "":
		return settings.Errorf("--turn needs --turn-secret-file: name the file with the secret that those servers share")
	case len(i.TURN) == 0 && i.TURNSecret != "" && !inside:
		return settings.Errorf("--turn-secret-file needs --turn: name the servers that share it")
	case i.TURNTTL < minTURNTTL || i.TURNTTL > maxTURNTTL:
		return settings.Errorf("--turn-ttl %v cannot be: set it to a time from %v to %v", i.TURNTTL, minTURNTTL, maxTURNTTL)
	}
	return nil
}

const (
	minTURNTTL = 10 * time.Second
	maxTURNTTL = 24 * time.Hour
)

// Told returns what the gateway tells clients; nil where there are none. An error wraps [settings.ErrSetting].
func (i *ICE) Told() (*ice.Config, error) {
	if len(i.STUN)+len(i.TURN) == 0 && i.TURNSecret == "" {
		return nil, nil //nolint:nilnil // there are none
	}
	c := &ice.Config{STUN: i.STUN, TURN: i.TURN, TTL: i.TURNTTL}
	if i.TURNSecret != "" {
		secret, err := ice.ReadSecret(i.TURNSecret)
		if err != nil {
			return nil, settings.Errorf("--turn-secret-file cannot be used: %v", err)
		}
		c.Secret = secret
	}
	return c, nil
}
