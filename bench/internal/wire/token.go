package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// Token is [Plain] spoken by clients that each show a token of their own.
type Token struct {
	Plain

	Secret []byte // by which the server checks tokens
}

// Subprotocols are those to offer, with a new token for a user of its own, who may create and join any room.
func (t Token) Subprotocols() []string {
	return append(t.Plain.Subprotocols(), "parley.token."+t.token(time.Now()))
}

// token is signed with HS256.
func (t Token) token(now time.Time) string {
	claims := fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d,"parley":{"user":"user","claims":{"name":"Ann"},"rooms":[{"room":"*","can":["create","join"]}]}}`,
		NewKey(), now.Unix(), now.Add(time.Hour).Unix())
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, t.Secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
