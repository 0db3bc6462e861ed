package bus

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// longest is much more than Found, for a machine that has other things to do, and much less than nats.go's minute.
const longest = 25 * time.Second

// The ways to a server. Each has a line under it.
func ways(t *testing.T) map[string]func(t *testing.T) (*server, Config) {
	t.Helper()
	here, trust := certificate(t)
	return map[string]func(t *testing.T) (*server, Config){
		"TCP": func(t *testing.T) (*server, Config) {
			s := startServer(t, nil)
			return s, Config{Servers: s.url()}
		},
		"TLS": func(t *testing.T) (*server, Config) {
			s := startServer(t, here)
			return s, Config{Servers: s.url(), Options: []nats.Option{nats.Secure(trust)}}
		},
		"in process": func(t *testing.T) (*server, Config) {
			s := &server{tb: t}
			t.Cleanup(s.stop)
			return s, Config{Options: []nats.Option{nats.InProcessServer(s)}}
		},
		"a dialer of its owner's": func(t *testing.T) (*server, Config) {
			s := startServer(t, nil)
			return s, Config{Servers: s.url(), Options: []nats.Option{nats.SetCustomDialer(&net.Dialer{})}}
		},
	}
}

func TestAConnectionWhoseWritesBlockIsFoundAndMadeAgain(t *testing.T) {
	t.Parallel()
	for name, way := range ways(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cfg := way(t)
			c := connect(t, cfg)
			before := c.Line()
			flood(t, c.Publish)
			s.jam()
			within(t, longest, "another connection", func() bool { return c.Line() > before && c.IsConnected() })
			soon(t, "a message over it", func() bool { return c.Publish("after", nil) != nil || s.has("after") })
		})
	}
}

func TestMoveDoesNotWaitForAWriteThatBlocks(t *testing.T) {
	t.Parallel()
	for name, way := range ways(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cfg := way(t)
			c := connect(t, cfg)
			first := c.lines.current.Load()
			sent := flood(t, c.Publish)
			s.jam()
			var last int64
			var since time.Time
			soon(t, "a write that blocks", func() bool {
				if now := sent.Load(); now != last {
					last, since = now, time.Now()
				}
				return time.Since(since) > writeStep
			})
			c.Move()
			soon(t, "another connection", func() bool { return c.Line() > first.number })
			switch cause := first.cause.Load(); {
			case cause == nil:
				t.Error("it was not the line that was ended")
			case !errors.Is(*cause, errMoved):
				t.Errorf("the first ended with %v", *cause)
			}
		})
	}
}

// certificate makes one for 127.0.0.1, and what trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(signed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots}
}
