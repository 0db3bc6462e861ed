// Package password hashes what stands for rooms' passwords, slowly and with salt, and counts those that were wrong.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The parameters of argon2id, as OWASP's password storage cheat sheet has them (second choice): a hash takes some 20 ms.
const (
	memory  = 19 << 10 // KiB
	rounds  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// ErrHash is wrapped by what [Right] returns for what [Hash] has not made.
var ErrHash = errors.New("bad password hash")

// head begins each hash: argon2's own string encoding.
var head = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, memory, rounds, lanes)

// Hash returns the salted slow hash of a proof. It takes some 20 ms of one processor, and 19 MiB.
func Hash(proof string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // it never fails
	return head + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key(proof, salt))
}

// Right reports whether a hash is that of a proof. It takes as long as [Hash]. The error wraps [ErrHash].
func Right(hash, proof string) (bool, error) {
	rest, ok := strings.CutPrefix(hash, head)
	salt64, key64, found := strings.Cut(rest, "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(salt64)
	want, err2 := base64.RawStdEncoding.DecodeString(key64)
	if !ok || !found || len(salt) != saltLen || len(want) != keyLen {
		return false, fmt.Errorf("%w: %w", ErrHash, errors.Join(err1, err2))
	}
	return subtle.ConstantTimeCompare(want, key(proof, salt)) == 1, nil
}

func key(proof string, salt []byte) []byte {
	return argon2.IDKey([]byte(proof), salt, rounds, memory, lanes, keyLen)
}
