package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// token is the command that makes a token, or says why one would be refused.
type token struct {
	Action string `arg:"" optional:"" help:"inspect: say what a token says, and why a gateway with these settings would refuse it."`
	Text   string `arg:"" optional:"" help:"The token to inspect; without it, it is read from standard input."`

	AuthSecretFile string        `name:"auth-secret-file" placeholder:"FILE" help:"The gateway's: the secret that signs."`
	AuthJWKS       string        `name:"auth-jwks" env:"PARLEY_AUTH_JWKS" placeholder:"SOURCE" help:"The gateway's, to inspect."`
	AuthAudience   string        `name:"auth-audience" placeholder:"NAME" help:"The gateway's: what aud names."`
	AuthIssuer     string        `name:"auth-issuer" placeholder:"NAME" help:"The gateway's: what iss is."`
	AuthMaxTTL     time.Duration `name:"auth-max-ttl" default:"24h" placeholder:"TIME" help:"The gateway's, to inspect (${default})."`

	User   string        `help:"What others see."`
	Sub    string        `help:"Who it is, for bans and limits (the user)."`
	Claims string        `placeholder:"JSON" help:"The app's word on the user, such as {\"name\":\"Ann\"}."`
	Room   []string      `sep:"none" placeholder:"ROOM=CAN" help:"A room's name, or a beginning followed by *, and what is granted there: create, join, moderate. May be repeated."`
	TTL    time.Duration `name:"ttl" default:"1h" placeholder:"TIME" help:"For how long it counts (${default})."`
	Keep   int           `default:"-1" placeholder:"SECONDS" help:"How long the session is kept at most (as the gateway has it)."`
}

func (t *token) check() error {
	switch {
	case t.Action != "" && t.Action != "inspect":
		return settings.Errorf("there is no `parley token %s`: there is `parley token inspect`", quote(t.Action))
	case t.Action == "inspect" && t.AuthSecretFile == "" && t.AuthJWKS == "":
		return settings.Errorf("parley token inspect needs the gateway's --auth-secret-file or --auth-jwks")
	case t.Action == "inspect":
		return nil
	case t.AuthSecretFile == "":
		return settings.Errorf("parley token needs --auth-secret-file; who has --auth-jwks signs tokens elsewhere")
	case t.User == "" && t.Sub == "":
		return settings.Errorf("parley token needs --user or --sub: whose it is")
	case t.TTL < time.Second:
		return settings.Errorf("--ttl %v cannot be: set it to 1s or more", t.TTL)
	}
	return nil
}

func (t *token) run(ctx context.Context, out, _ io.Writer) error {
	if t.Action == "inspect" {
		return t.inspect(ctx, out)
	}
	secret, err := tokens.ReadSecret(t.AuthSecretFile)
	if err != nil {
		return settings.Errorf("--auth-secret-file: %v", err)
	}
	claims, err := t.claims(time.Now())
	if err != nil {
		return err
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	if err != nil {
		return fmt.Errorf("sign the token: %w", err)
	}
	v, stop := t.verifier(ctx)
	defer stop()
	if _, err := v.Check(ctx, text); err != nil {
		return settings.Errorf("a gateway would refuse it: %v", err)
	}
	return print(out, text+"\n")
}

// claims returns what the token says.
func (t *token) claims(now time.Time) (jwt.MapClaims, error) {
	type entry struct {
		Room string   `json:"room"`
		Can  []string `json:"can"`
	}
	rooms := []entry{}
	for _, r := range t.Room {
		i := strings.LastIndexByte(r, '=')
		if i < 1 {
			return nil, settings.Errorf("--room %s cannot be: set it to a room and what is granted there, such as 'team-*=create,join'", quote(r))
		}
		rooms = append(rooms, entry{r[:i], strings.Split(r[i+1:], ",")})
	}
	parley := map[string]any{"rooms": rooms}
	if t.User != "" {
		parley["user"] = t.User
	}
	if t.Claims != "" {
		if err := proto.CheckObject("claims", jsontext.Value(t.Claims), proto.MaxClaims); err != nil {
			return nil, settings.Errorf("--claims: %v", err)
		}
		var object any
		if err := json.Unmarshal([]byte(t.Claims), &object); err != nil {
			return nil, settings.Errorf("--claims: %v", err)
		}
		parley["claims"] = object
	}
	if t.Keep >= 0 {
		parley["keep"] = t.Keep
	}
	sub := t.Sub
	if sub == "" {
		sub = t.User
	}
	c := jwt.MapClaims{"sub": sub, "iat": now.Unix(), "exp": now.Add(t.TTL).Unix(), "parley": parley}
	if t.AuthAudience != "" {
		c["aud"] = t.AuthAudience
	}
	if t.AuthIssuer != "" {
		c["iss"] = t.AuthIssuer
	}
	return c, nil
}

// verifier is the gateway's, with its keys read. stop ends it.
func (t *token) verifier(ctx context.Context) (v *tokens.Verifier, stop func()) {
	v = tokens.New(tokens.Config{
		Keys: t.AuthJWKS, SecretFile: t.AuthSecretFile, Audience: t.AuthAudience, Issuer: t.AuthIssuer, MaxTTL: t.AuthMaxTTL,
	})
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = v.Run(running, nil) }() // it has no error
	return v, func() { cancel(); <-ended }
}

// inspect says what a token says, and why it would be refused.
func (t *token) inspect(ctx context.Context, out io.Writer) error {
	text := t.Text
	if text == "" {
		data, err := io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		text = string(data)
	}
	text = strings.TrimSpace(text)
	if t.AuthSecretFile != "" {
		if _, err := tokens.ReadSecret(t.AuthSecretFile); err != nil {
			return settings.Errorf("--auth-secret-file: %v", err)
		}
	} else if err := tokens.CheckSource(t.AuthJWKS); err != nil {
		return settings.Errorf("--auth-jwks %s: %v", t.AuthJWKS, err)
	}
	v, stop := t.verifier(ctx)
	defer stop()
	if parsed, _, err := jwt.NewParser().ParseUnverified(text, jwt.MapClaims{}); err == nil {
		said, err := json.Marshal(parsed.Claims, json.Deterministic(true), jsontext.Multiline(true), jsontext.WithIndent("  "))
		if err == nil {
			if err := print(out, string(said)+"\n"); err != nil {
				return err
			}
		}
	}
	got, err := v.Check(ctx, text)
	if err != nil {
		return errors.Join(errRefused, err)
	}
	return print(out, fmt.Sprintf("It counts until %s.\n", got.Expires.UTC().Format(time.RFC3339)))
}

var errRefused = errors.New("a gateway with these settings would refuse it")
