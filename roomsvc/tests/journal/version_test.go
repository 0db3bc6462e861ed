package journal_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/parley-rtc/parley/roomsvc/journal"
)

// Whoever brings another server looks into its source first: at journal.LookedAtVersions stands what for.
func TestTheElectionsOfTheServerInTestsWereLookedAt(t *testing.T) {
	t.Parallel()
	if !journal.LookedAt(server.VERSION) {
		t.Errorf("the server is %s, looked at was %s", server.VERSION, journal.LookedAtVersions)
	}
	for version, want := range map[string]bool{"2.15.9": true, "2.15": true, "2.150.1": false, "2.16.0": false, "3.2.15": false, "": false} {
		if journal.LookedAt(version) != want {
			t.Errorf("%q: %v", version, !want)
		}
	}
}
