// Package keys makes what a NATS cluster of Parley needs to trust itself:
// certificates for clients and for routes, each with a CA of its own, and a
// random password for each login of deploy/nats. It is for compose files and
// tests; a deployment that has a CA of its own uses that.
package keys

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files that [Make] writes into its directory.
const (
	CA          = "ca.pem"         // who signed Cert; clients trust it
	Cert        = "server.pem"     // what NATS shows its clients
	Key         = "server-key.pem" // Cert's key
	RouteCA     = "route-ca.pem"   // who signed RouteCert
	RouteCert   = "route.pem"      // what NATS servers show each other
	RouteKey    = "route-key.pem"  // RouteCert's key
	TokenSecret = "token-secret"   // what signs clients' tokens
	TURNSecret  = "turn-secret"    // what gateways and TURN servers share
	Passwords   = "passwords.env"  // one NATS_<LOGIN>_PASSWORD=... a line
)

// Logins are the users of deploy/nats, in the order in which [Make] writes their
// passwords.
func Logins() []string {
	return []string{"gateway", "roomsvc", "service", "observer", "admin", "journal", "reader", "keeper", "sys"}
}

// Make writes certificates that hold for the hosts (names or addresses) and a
// password for each login into dir, which it makes if need be. What only its
// owner may read gets the mode 0600. A directory that holds any of the files
// already is left alone, with an error that is [fs.ErrExist]: keys are not
// replaced by accident.
func Make(dir string, hosts []string) error {
	if len(hosts) == 0 {
		return errors.New("keys: no host names for the certificates")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	for _, side := range []struct{ name, ca, cert, key string }{
		{"clients", CA, Cert, Key},
		{"routes", RouteCA, RouteCert, RouteKey},
	} {
		if err := makePair(dir, side.name, hosts, side.ca, side.cert, side.key); err != nil {
			return fmt.Errorf("keys: %s: %w", side.name, err)
		}
	}
	var env strings.Builder
	for _, login := range Logins() {
		fmt.Fprintf(&env, "%s=%s\n", Variable(login), password())
	}
	if err := write(dir, TokenSecret, secret(), 0o600); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if err := AddTURN(dir); err != nil {
		return err
	}
	if err := write(dir, Passwords, []byte(env.String()), 0o600); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// AddTURN writes the secret of TURN servers alone into dir, for one that an older version has made. Where there is one the error
// is [fs.ErrExist].
func AddTURN(dir string) error {
	if err := write(dir, TURNSecret, secret(), 0o600); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

func secret() []byte { return []byte(rand.Text() + rand.Text() + rand.Text() + "\n") }

// Variable is the environment variable in which deploy/nats/nats.conf expects
// the password of a login.
func Variable(login string) string {
	return "NATS_" + strings.ToUpper(login) + "_PASSWORD"
}

// Read returns the passwords that [Make] wrote into dir, by login.
func Read(dir string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, Passwords))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		found[name] = value
	}
	passwords := map[string]string{}
	for _, login := range Logins() {
		value := found[Variable(login)]
		if value == "" {
			return nil, fmt.Errorf("keys: %s has no %s", Passwords, Variable(login))
		}
		passwords[login] = value
	}
	return passwords, nil
}

// password starts with a letter, since NATS reads what the environment holds as
// a value of its configuration: digits alone would be a number there.
func password() string {
	return "p" + strings.ToLower(rand.Text())
}

// write makes a new file, and is refused where there is one.
func write(dir, name string, data []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
