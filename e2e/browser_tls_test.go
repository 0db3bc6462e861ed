package e2e_test

import (
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// A page by TLS, with a certificate that the program has made: what a phone on the same network needs. A person tells the browser to go
// on; a flag does here.
func TestAPageByACertificateOfTheProgramsOwn(t *testing.T) {
	p := harness.StartParley(t, "--tls-self-signed")
	p.Logged(t, "https://localhost:")
	page := "https://" + p.Addr(t, "clients") + "/"
	tabs := meet(t, startBrowser(t, "use-fake-ui-for-media-stream", "ignore-certificate-errors"), "secure", page, page)
	for _, tab := range tabs {
		tab.untilFramesGrow("pictures of the other arrive")
		if at := tab.text(`String(isSecureContext) + " " + location.protocol`); !strings.HasPrefix(at, "true https:") {
			t.Errorf("the page is %s", at)
		}
	}
}
