package clients

import (
	"time"

	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// Auth is which tokens clients need.
type Auth struct {
	Auth           string        `group:"Tokens" default:"none" enum:"none,jwt" placeholder:"KIND" help:"Whether clients need a token: none, or jwt: one that the app's server has signed (${default})."`
	AuthJWKS       string        `group:"Tokens" name:"auth-jwks" env:"PARLEY_AUTH_JWKS" placeholder:"SOURCE" help:"URL or file of the JSON Web Keys that sign tokens. It needs --auth-audience."`
	AuthSecretFile string        `group:"Tokens" name:"auth-secret-file" placeholder:"FILE" help:"File with the secret that signs tokens by HS256, 32 bytes at least. In the place of --auth-jwks."`
	AuthAudience   string        `group:"Tokens" name:"auth-audience" placeholder:"NAME" help:"What a token's aud has to name."`
	AuthIssuer     string        `group:"Tokens" name:"auth-issuer" placeholder:"NAME" help:"What a token's iss has to be (none: any)."`
	AuthMaxTTL     time.Duration `group:"Tokens" name:"auth-max-ttl" default:"24h" placeholder:"TIME" help:"For how long a token may count, from iat to exp (${default})."`

	MaxMeta         int `group:"Limits" name:"max-meta" default:"256" placeholder:"BYTES" help:"What a client says of itself, 1024 at most (${default})."`
	MaxConnsPerUser int `group:"Limits" name:"max-conns-per-user" default:"0" placeholder:"CONNECTIONS" help:"Connections of one token's sub to this process (0: no limit)."`
	JoinsPerUser    int `group:"Limits" name:"joins-per-user" default:"0" placeholder:"ROOMS" help:"Rooms that the clients of one token's sub enter in a minute, through this process (0: no limit)."`
	RoomsPerUser    int `group:"Limits" name:"rooms-per-user" default:"0" placeholder:"ROOMS" help:"Rooms that the clients of one token's sub have created through this process and own still (0: no limit)."`
}

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (a *Auth) Check() error {
	for flag, v := range map[string]int{
		"--max-conns-per-user": a.MaxConnsPerUser, "--joins-per-user": a.JoinsPerUser, "--rooms-per-user": a.RoomsPerUser,
	} {
		if err := settings.CheckLimit(flag, v); err != nil {
			return err
		}
	}
	const mostMeta = 1024
	if a.MaxMeta < 1 || a.MaxMeta > mostMeta {
		return settings.Errorf("--max-meta %d cannot be: set it to a number from 1 to %d", a.MaxMeta, mostMeta)
	}
	if a.Auth != "jwt" {
		if a.AuthJWKS != "" || a.AuthSecretFile != "" {
			return settings.Errorf("--auth-jwks and --auth-secret-file are of no use with --auth none: set --auth jwt, or leave them out")
		}
		return nil
	}
	return a.checkTokens()
}

func (a *Auth) checkTokens() error {
	switch {
	case a.AuthJWKS == "" && a.AuthSecretFile == "":
		return settings.Errorf("--auth jwt needs to know who signs tokens: set --auth-jwks or --auth-secret-file")
	case a.AuthJWKS != "" && a.AuthSecretFile != "":
		return settings.Errorf("--auth-jwks and --auth-secret-file exclude each other: leave one out")
	case a.AuthJWKS != "" && a.AuthAudience == "":
		return settings.Errorf("--auth-jwks needs --auth-audience, or a token that the same server has signed for another service lets in here: " +
			"set it to what the tokens' aud names")
	case a.AuthMaxTTL <= 0:
		return settings.Errorf("--auth-max-ttl %v cannot be: set it to a time above 0, such as 24h", a.AuthMaxTTL)
	}
	if a.AuthSecretFile != "" {
		if _, err := tokens.ReadSecret(a.AuthSecretFile); err != nil {
			return settings.Errorf("--auth-secret-file: %v", err)
		}
		return nil
	}
	if err := tokens.CheckSource(a.AuthJWKS); err != nil {
		return settings.Errorf("--auth-jwks %s: %v", a.AuthJWKS, err)
	}
	return nil
}

// Tokens returns which tokens clients need, as the gateway takes it; nil: none.
func (a *Auth) Tokens() *tokens.Config {
	if a.Auth != "jwt" {
		return nil
	}
	return &tokens.Config{
		Keys: a.AuthJWKS, SecretFile: a.AuthSecretFile, Audience: a.AuthAudience, Issuer: a.AuthIssuer, MaxTTL: a.AuthMaxTTL,
	}
}
