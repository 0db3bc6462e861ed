// Package password hashes what stands for rooms' passwords, slowly and with salt, and counts those that were wrong.
package password

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A hash is PBKDF2 with HMAC-SHA-512 and 210,000 rounds in all, as OWASP's password storage cheat sheet has it. It is made in slices,
// each of which begins with what the one before has made, so that nobody else waits for a processor for longer than a slice takes:
// some 0.15 ms. (argon2 cannot be made in slices: on a machine with one processor, others waited 9 ms at the median.)
const (
	slices   = 1050
	rounds   = 200 // of a slice
	between  = 50 * time.Microsecond
	saltLen  = 16
	keyLen   = 32
	hashHead = "$pbkdf2-sha512$i=1050x200$"
)

// ErrHash is wrapped by what [Right] returns for what [Hash] has not made.
var ErrHash = errors.New("bad password hash")

// Hash returns the salted slow hash of a proof. It takes some 250 ms, in which others use a processor in between.
func Hash(proof string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // it never fails
	return hashHead + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key(proof, salt))
}

// Right reports whether a hash is that of a proof. It takes as long as [Hash]. The error wraps [ErrHash].
func Right(hash, proof string) (bool, error) {
	rest, ok := strings.CutPrefix(hash, hashHead)
	salt64, key64, found := strings.Cut(rest, "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(salt64)
	want, err2 := base64.RawStdEncoding.DecodeString(key64)
	if !ok || !found || len(salt) != saltLen || len(want) != keyLen {
		return false, fmt.Errorf("%w: %w", ErrHash, errors.Join(err1, err2))
	}
	return subtle.ConstantTimeCompare(want, key(proof, salt)) == 1, nil
}

func key(proof string, salt []byte) []byte {
	for range slices {
		next, err := pbkdf2.Key(sha512.New, proof, salt, rounds, keyLen)
		if err != nil { // the lengths are constants, and allowed
			panic(err)
		}
		proof = string(next)
		time.Sleep(between) //nolint:forbidigo // it lets others at the processor: a Gosched would come before what the network brings
	}
	return []byte(proof)
}
