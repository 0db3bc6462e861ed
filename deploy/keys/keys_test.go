package keys_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-rtc/parley/deploy/keys"
)

func TestCertificatesHoldForTheirHostsUnderTheirOwnCAOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := keys.Make(dir, []string{"nats1", "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ca, cert, key, host string
		good                bool
	}{
		{keys.CA, keys.Cert, keys.Key, "nats1", true},
		{keys.CA, keys.Cert, keys.Key, "127.0.0.1", true},
		{keys.CA, keys.Cert, keys.Key, "nats9", false},
		{keys.RouteCA, keys.RouteCert, keys.RouteKey, "nats1", true},
		{keys.RouteCA, keys.Cert, keys.Key, "nats1", false},
	} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, c.cert), filepath.Join(dir, c.key))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, c.ca))
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
		_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: c.host, Roots: roots})
		if (err == nil) != c.good {
			t.Errorf("%s for %s under %s: %v", c.cert, c.host, c.ca, err)
		}
	}
}

func TestSecretsAreReadableByTheirOwnerOnlyAndNeverReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := keys.Make(dir, []string{"localhost"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{keys.Key, keys.RouteKey, keys.Passwords} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	before, err := keys.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Make(dir, []string{"localhost"}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made a second time: %v", err)
	}
	after, err := keys.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, login := range keys.Logins() {
		if before[login] != after[login] || len(before[login]) < 20 || seen[before[login]] {
			t.Errorf("%s: %q, then %q", login, before[login], after[login])
		}
		seen[before[login]] = true
	}
}
