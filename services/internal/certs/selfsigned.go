package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// lasts is how long a certificate counts that is made here: browsers take none that counts for longer.
const lasts = 397 * 24 * time.Hour

// selfSigned makes a certificate for this machine's names and addresses.
func selfSigned(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err //nolint:wrapcheck // whoever asks says what for
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Parley on this machine"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lasts),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: append(Addresses(), net.IPv4(127, 0, 0, 1), net.IPv6loopback),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// Addresses are this machine's, by which others on its networks may reach it; IPv4 first.
func Addresses() []net.IP {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var four, six []net.IP
	for _, a := range all {
		n, is := a.(*net.IPNet)
		if !is || !n.IP.IsGlobalUnicast() {
			continue
		}
		if v4 := n.IP.To4(); v4 != nil {
			four = append(four, v4)
		} else {
			six = append(six, n.IP)
		}
	}
	return append(four, six...)
}
