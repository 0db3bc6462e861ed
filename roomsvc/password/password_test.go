package password

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kept is what an earlier run has made of "open sesame": records outlive the processes that write them.
const kept = "$pbkdf2-sha512$i=1050x200$hopRSjUIFiPV708Owv8TUg$dqDaKRVbwK8gTzOJd+8GBq/hVCyMZN0fFnOGvhmFA3E"

func TestAHashIsOfItsPasswordAlone(t *testing.T) {
	t.Parallel()
	hash := Hash("open sesame")
	if !strings.HasPrefix(hash, hashHead) || strings.Contains(hash, "sesame") {
		t.Errorf("the hash is %s", hash)
	}
	if Hash("open sesame") == hash {
		t.Error("two hashes are the same: there is no salt")
	}
	for proof, right := range map[string]bool{"open sesame": true, "open sesam": false, "": false, "open sesame ": false} {
		if is, err := Right(hash, proof); is != right || err != nil {
			t.Errorf("%q: %v, %v", proof, is, err)
		}
	}
}

func TestAHashThatIsKeptIsUnderstoodLater(t *testing.T) {
	t.Parallel()
	if is, err := Right(kept, "open sesame"); !is || err != nil {
		t.Errorf("%v, %v", is, err)
	}
}

func TestWhatIsNoHashIsAnError(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{"", "open sesame", hashHead, hashHead + "YWFhYWFhYWFhYWFhYWFhYQ", "$argon2id$v=19$m=1$YQ$YQ", kept[:len(kept)-1], kept + "A"} {
		if is, err := Right(hash, "open sesame"); is || !errors.Is(err, ErrHash) {
			t.Errorf("%q: %v, %v", hash, is, err)
		}
	}
}
