package goclient_test

import (
	"strings"
	"testing"

	parley "github.com/parley-rtc/parley/clients/go"
	"github.com/parley-rtc/parley/e2e/harness"
)

// The certificate is changed under connections: those that stand stay, new ones get the new one.
func TestACertificateIsChangedUnderConnections(t *testing.T) {
	cert := harness.NewCertificate(t)
	p := harness.StartParley(t, cert.Args...)
	at := host(t, p)
	before := connect(t, "https://"+at, parley.HTTPClient(cert.Client(t)))
	room := enter(t, before, "lobby", parley.Entry{})
	if _, err := parley.Connect(t.Context(), "https://"+at); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("who does not trust it: %v", err)
	}
	if _, err := parley.Connect(t.Context(), "http://"+at); err == nil || !strings.Contains(err.Error(), "speaks TLS: give wss:// or https://") {
		t.Errorf("who speaks no TLS: %v", err)
	}
	serial := cert.Renew(t)
	harness.Await(t, "it is another", func() bool { return harness.Serial(t, at) == serial })
	after := connect(t, "https://"+at, parley.HTTPClient(cert.Client(t)))
	enter(t, after, "lobby", parley.Entry{})
	if e := until(t, room, parley.Join); e.ID != after.ID() {
		t.Errorf("who was there hears %+v", e)
	}
	if before.State() != parley.Open {
		t.Errorf("the connection from before is %s", before.State())
	}
}
