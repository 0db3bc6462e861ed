package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/services/internal/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files writes a new certificate to two files.
func files(t *testing.T, s Settings) {
	t.Helper()
	made, err := selfSigned(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, b := range map[string]*pem.Block{s.Cert: {Type: "CERTIFICATE", Bytes: made.Certificate[0]}, s.Key: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func served(t *testing.T, h *Holder) []byte {
	t.Helper()
	c, err := h.Config().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Certificate[0]
}

func TestFilesAreReadAgainWhenTheyChangeAndWhatCannotBeUsedChangesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := Settings{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	files(t, s)
	h, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	first := served(t, h)
	h.look(log)
	if !bytes.Equal(served(t, h), first) || out.Len() > 0 {
		t.Errorf("nothing has changed, and it says %s", out.String())
	}
	if err := os.WriteFile(s.Cert, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.look(log)
	h.look(log)
	if !bytes.Equal(served(t, h), first) || strings.Count(out.String(), "cannot be used") != 1 {
		t.Errorf("half a file: it says %s", out.String())
	}
	files(t, s)
	h.look(log)
	if bytes.Equal(served(t, h), first) || !strings.Contains(out.String(), "was read again") {
		t.Errorf("a new one: it says %s", out.String())
	}
	if err := os.Remove(s.Key); err != nil {
		t.Fatal(err)
	}
	before := served(t, h)
	h.look(log)
	if !bytes.Equal(served(t, h), before) {
		t.Error("a file is gone, and so is the certificate")
	}
}

func TestACertificateOfThisMachineCountsForIt(t *testing.T) {
	t.Parallel()
	s := Settings{SelfSigned: true}
	h, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(served(t, h))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	for _, ip := range Addresses() {
		if err := leaf.VerifyHostname(ip.String()); err != nil {
			t.Error(err)
		}
	}
	if c := h.Config(); c.MinVersion < tls.VersionTLS12 || len(c.NextProtos) != 1 || c.NextProtos[0] != "http/1.1" {
		t.Errorf("%+v", c)
	}
}

func TestSettingsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for says, s := range map[string]Settings{
		"exclude each other": {SelfSigned: true, Cert: "a", Key: "b"},
		"belong together":    {Cert: "a"},
	} {
		if err := s.Check(); !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v", err)
		}
	}
	nowhere := Settings{Cert: "/nowhere", Key: "/nowhere"}
	if _, err := nowhere.Open(); !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), "name two PEM files") {
		t.Errorf("%v", err)
	}
	var none Settings
	if h, err := none.Open(); err != nil || h.Config() != nil || none.On() {
		t.Errorf("%v, %v", h, err)
	}
}
