package settings

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// NATS is how a program reaches and logs in to NATS.
type NATS struct {
	Servers string `group:"NATS" name:"nats" default:"${nats}" placeholder:"URLS" help:"Servers, comma separated (${nats_default}). A URL may hold user:password@ or token@."`
	Creds   string `group:"NATS" name:"nats-creds" placeholder:"FILE" help:"Log in with this credentials file."`
	CA      string `group:"NATS" name:"nats-ca" placeholder:"FILE" help:"Trust servers whose certificate these CAs have signed (PEM)."`
	Cert    string `group:"NATS" name:"nats-cert" placeholder:"FILE" help:"Log in with this certificate (PEM), and --nats-key."`
	Key     string `group:"NATS" name:"nats-key" placeholder:"FILE" help:"Key of --nats-cert (PEM)."`
}

// Options returns the login for nats.go, having looked at every file. An error wraps [ErrSetting].
func (n *NATS) Options() ([]nats.Option, error) {
	return login("--nats", n.Servers, n.Creds, n.CA, n.Cert, n.Key)
}

// Journal is the room service's other login, which alone may write the journal.
type Journal struct {
	Servers string `group:"NATS" name:"journal-nats" placeholder:"URLS" help:"Servers for the journal's login, where it is one of its own (as --nats)."`
	Creds   string `group:"NATS" name:"journal-nats-creds" placeholder:"FILE" help:"The same for the journal's login, as are the next three."`
	CA      string `group:"NATS" name:"journal-nats-ca" placeholder:"FILE" help:"Trust these CAs."`
	Cert    string `group:"NATS" name:"journal-nats-cert" placeholder:"FILE" help:"Log in with this certificate."`
	Key     string `group:"NATS" name:"journal-nats-key" placeholder:"FILE" help:"Key of --journal-nats-cert."`
}

// Options returns the journal's servers and login. Where none of its settings is set they are those of the other login;
// a login of its own on the same servers still trusts the same CAs. An error wraps [ErrSetting].
func (j *Journal) Options(other *NATS) (servers string, options []nats.Option, err error) {
	if *j == (Journal{}) {
		options, err = other.Options()
		return other.Servers, options, err
	}
	own := *j
	if own.Servers == "" {
		own.Servers = other.Servers
	}
	if own.CA == "" {
		own.CA = other.CA
	}
	options, err = login("--journal-nats", own.Servers, own.Creds, own.CA, own.Cert, own.Key)
	return own.Servers, options, err
}

// login checks a login's settings; flag is what their names start with.
func login(flag, servers, creds, ca, cert, key string) ([]nats.Option, error) {
	if err := checkServers(flag, servers); err != nil {
		return nil, err
	}
	var options []nats.Option
	if creds != "" {
		if _, err := os.ReadFile(creds); err != nil {
			return nil, Errorf("%s-creds cannot be read: %v; name a credentials file, as nsc makes it", flag, err)
		}
		options = append(options, nats.UserCredentials(creds))
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, Errorf("%s-ca cannot be read: %v; name a PEM file with certificates of CAs", flag, err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return nil, Errorf("%s-ca %s holds no certificate; name a PEM file with certificates of CAs", flag, ca)
		}
		options = append(options, nats.RootCAs(ca))
	}
	switch {
	case (cert == "") != (key == ""):
		return nil, Errorf("%s-cert and %s-key belong together: set both or neither", flag, flag)
	case cert != "":
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			return nil, Errorf("%s-cert and %s-key cannot be used: %v; name two PEM files that belong together", flag, flag, err)
		}
		options = append(options, nats.ClientCert(cert, key))
	}
	return options, nil
}

// checkServers looks at a list of URLs without asking anybody.
func checkServers(flag, servers string) error {
	for s := range strings.SplitSeq(servers, ",") {
		s = strings.TrimSpace(s)
		bare := s
		if !strings.Contains(s, "://") {
			if s != "" && !strings.ContainsAny(s, ".:@[") {
				return Errorf("%s: %q is a word, and no server that is known for one: set it to nats://%s:4222, if that is a host", flag, s, s)
			}
			s = "nats://" + s
		}
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || !dialable(u) {
			return Errorf("%s: %q is no server: set it to URLs such as nats://127.0.0.1:4222, comma separated", flag, hide(bare))
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return Errorf("%s: the scheme %q is none of nats, tls, ws and wss", flag, u.Scheme)
		}
	}
	return nil
}

// dialable reports whether a URL's host and port can be: url.Parse takes ":::" for a host, and 99999 for a port.
func dialable(u *url.URL) bool {
	_, err := strconv.ParseUint(u.Port(), 10, 16)
	return (u.Port() == "" || err == nil) && (u.Host[0] == '[' || !strings.Contains(u.Hostname(), ":"))
}

// hide leaves out what may be a password.
func hide(server string) string {
	if i := strings.LastIndexByte(server, '@'); i >= 0 {
		return "…" + server[i:]
	}
	return server
}
