package tokens

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxKeys is how many keys a source may have.
const maxKeys = 100

// key is a public key, or the secret, with the algorithms that tokens may be signed with by it: the key says so, never a token.
type key struct {
	id     string
	public any
	algs   []string
}

// errKeys is wrapped by what reading a set of keys returns.
var errKeys = errors.New("bad set of keys")

// readKeys reads a set of JSON Web Keys. Keys of unknown kinds are left out, as are symmetric ones and those for encryption. A set
// without any key that is left is an error: the source is away, or is none.
func readKeys(data []byte) (map[string]*key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(data, &set, json.MatchCaseInsensitiveNames(false)); err != nil {
		return nil, fmt.Errorf("%w: %w", errKeys, err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%w: it has %d keys, %d are allowed", errKeys, len(set.Keys), maxKeys)
	}
	keys := make(map[string]*key, len(set.Keys))
	for _, raw := range set.Keys {
		if k := readKey(raw); k != nil {
			if _, twice := keys[k.id]; twice {
				return nil, fmt.Errorf("%w: two keys have the same kid", errKeys)
			}
			keys[k.id] = k
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: it has none that can sign tokens", errKeys)
	}
	return keys, nil
}

// readKey reads one key; nil: it does not count.
func readKey(raw jsontext.Value) *key {
	var m jwkset.JWKMarshal
	if json.Unmarshal(raw, &m) != nil || m.USE != "" && m.USE != jwkset.UseSig || m.KTY == jwkset.KtyOct {
		return nil
	}
	for _, op := range m.KEYOPS {
		if op != jwkset.KeyOpsVerify && op != jwkset.KeyOpsSign {
			return nil
		}
	}
	// Nothing is fetched that a key names, and no chain of certificates is believed: what counts is where the set comes from.
	m.X5U, m.X5C, m.X5T, m.X5TS256 = "", nil, "", ""
	m.D, m.P, m.Q, m.DP, m.DQ, m.QI, m.OTH, m.K = "", "", "", "", "", "", nil, "" // a private key that was published by mistake
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
	if err != nil {
		return nil
	}
	algs := algorithms(jwk.Key())
	if alg := string(m.ALG); alg != "" {
		algs = only(algs, alg)
	}
	if len(algs) == 0 {
		return nil
	}
	return &key{id: m.KID, public: jwk.Key(), algs: algs}
}

// algorithms returns what tokens may be signed with by a key.
func algorithms(public any) []string {
	const leastRSA = 2048
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < leastRSA {
			return nil
		}
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return []string{"ES256"}
		case 384:
			return []string{"ES384"}
		case 521:
			return []string{"ES512"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

func only(list []string, one string) []string {
	if slices.Contains(list, one) {
		return []string{one}
	}
	return nil
}
