// Package certs holds the certificate of a listener: from files that may change, or made for the purpose.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/services/internal/settings"
)

// Settings are where a certificate comes from.
type Settings struct {
	Cert       string `group:"Clients" name:"tls-cert" placeholder:"FILE" help:"Serve clients by TLS, with this certificate (PEM, with those that signed it) and --tls-key. Read again when the files change."`
	Key        string `group:"Clients" name:"tls-key" placeholder:"FILE" help:"Key of --tls-cert (PEM)."`
	SelfSigned bool   `group:"Clients" name:"tls-self-signed" help:"Serve clients by TLS, with a certificate made now for this machine's addresses: for a phone on the same network, whose browser has to be told to go on."`
}

// Check returns an error that wraps [settings.ErrSetting], or nil. It reads no file.
func (s *Settings) Check() error {
	switch {
	case s.SelfSigned && (s.Cert != "" || s.Key != ""):
		return settings.Errorf("--tls-self-signed and --tls-cert exclude each other: leave one out")
	case (s.Cert == "") != (s.Key == ""):
		return settings.Errorf("--tls-cert and --tls-key belong together: set both or neither")
	}
	return nil
}

// On reports whether clients are served by TLS.
func (s *Settings) On() bool { return s.SelfSigned || s.Cert != "" }

// Open returns the listener's configuration; nil without TLS. An error wraps [settings.ErrSetting].
func (s *Settings) Open() (*Holder, error) {
	h := &Holder{settings: *s}
	switch {
	case s.SelfSigned:
		made, err := selfSigned(time.Now())
		if err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		h.now.Store(made)
	case s.Cert != "":
		if err := h.read(); err != nil {
			return nil, settings.Errorf("--tls-cert and --tls-key cannot be used: %v; name two PEM files that belong together", err)
		}
	default:
		return nil, nil //nolint:nilnil // there is none
	}
	return h, nil
}

// Holder has the present certificate.
type Holder struct {
	settings Settings
	seen     [2]version // of the files, as they were read last
	said     string     // what was wrong with them last
	now      atomic.Pointer[tls.Certificate]
}

// version tells one state of a file from another.
type version struct {
	size int64
	at   time.Time
}

// Config is the listener's: each new connection gets the certificate of that moment. HTTP/2 is not offered, since WebSockets are not
// served over it.
func (h *Holder) Config() *tls.Config {
	if h == nil {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return h.now.Load(), nil },
	}
}

// Name is the first name that the present certificate is for; empty where that is none by which others reach this machine.
func (h *Holder) Name() string {
	if h == nil || h.settings.SelfSigned || len(h.now.Load().Leaf.DNSNames) == 0 {
		return ""
	}
	return h.now.Load().Leaf.DNSNames[0]
}

// often is how often the files are looked at.
const often = 2 * time.Second

// Watch reads the files again when they change, until ctx ends. What cannot be read is said once, and the certificate of before stays.
func (h *Holder) Watch(ctx context.Context, log *slog.Logger) error {
	look := time.NewTicker(often)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			h.look(log)
		case <-ctx.Done():
			return nil
		}
	}
}

func (h *Holder) look(log *slog.Logger) {
	if h == nil || h.settings.Cert == "" || h.versions() == h.seen {
		return
	}
	err := h.read()
	switch {
	case err == nil:
		h.said = ""
		log.Info("the certificate of clients' connections was read again", "expires", h.now.Load().Leaf.NotAfter)
	case err.Error() != h.said:
		h.said = err.Error()
		log.Warn("the certificate has changed and cannot be used, so the one of before stays: --tls-cert and --tls-key have to be two PEM files "+
			"that belong together", "error", err)
	}
}

func (h *Holder) versions() (v [2]version) {
	for i, name := range []string{h.settings.Cert, h.settings.Key} {
		if info, err := os.Stat(name); err == nil {
			v[i] = version{info.Size(), info.ModTime()}
		}
	}
	return v
}

func (h *Holder) read() error {
	before := h.versions() // so that what changes meanwhile is read once more
	pair, err := tls.LoadX509KeyPair(h.settings.Cert, h.settings.Key)
	if err != nil {
		return err //nolint:wrapcheck // whoever asks says what for
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return err //nolint:wrapcheck // as above
		}
	}
	h.seen = before
	h.now.Store(&pair)
	return nil
}
