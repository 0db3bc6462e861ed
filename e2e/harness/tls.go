package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificate is a certificate for this machine in two files, and what trusts it.
type Certificate struct {
	Args   []string // of a gateway
	serial int64
	cert   string
	key    string
}

// NewCertificate makes one.
func NewCertificate(tb testing.TB) *Certificate {
	tb.Helper()
	dir := tb.TempDir()
	c := &Certificate{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	c.Args = []string{"--tls-cert", c.cert, "--tls-key", c.key}
	c.Renew(tb)
	return c
}

// File has the certificate.
func (c *Certificate) File() string { return c.cert }

// Expire puts one in its place that counts no more.
func (c *Certificate) Expire(tb testing.TB) {
	tb.Helper()
	c.renew(tb, time.Now().Add(-time.Minute))
}

// Until puts one in its place that counts from an hour ago for so long from now.
func (c *Certificate) Until(tb testing.TB, left time.Duration) {
	tb.Helper()
	c.renew(tb, time.Now().Add(left))
}

// Renew puts another in its place, and returns its serial number.
func (c *Certificate) Renew(tb testing.TB) int64 {
	tb.Helper()
	return c.renew(tb, time.Now().Add(30*24*time.Hour))
}

func (c *Certificate) renew(tb testing.TB, until time.Time) int64 {
	tb.Helper()
	c.serial++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(c.serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	write := func(file, kind string, b []byte) {
		next := file + ".next" // as those do who renew certificates: the file is never half of one
		if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			tb.Fatal(err)
		}
		if err := os.Rename(next, file); err != nil {
			tb.Fatal(err)
		}
	}
	write(c.key, "PRIVATE KEY", text)
	write(c.cert, "CERTIFICATE", der)
	return c.serial
}

// Client is an HTTP client that trusts the present one, and no other.
func (c *Certificate) Client(tb testing.TB) *http.Client {
	tb.Helper()
	text, err := os.ReadFile(c.cert)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}} //nolint:gosec // Go's own least version
}

// Serial is the serial number of what a server shows.
func Serial(tb testing.TB, addr string) int64 {
	tb.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it is looked at, not trusted
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}
