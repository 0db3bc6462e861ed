package room_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// A sequence that breaks the rules is made shorter for so long. Who reads one may say -rapid.shrinktime=30s.
	if err := flag.Set("rapid.shrinktime", "3s"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
