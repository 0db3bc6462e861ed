package settings

import "github.com/parley-rtc/parley/proto"

// maxLimit is what an int holds on every machine.
const maxLimit = 1<<31 - 1

// CheckLimit returns an error that wraps [ErrSetting] for a limit that cannot be.
func CheckLimit(flag string, v int) error {
	if v < 0 || v > maxLimit {
		return Errorf("%s %d cannot be: set it to a number from 1 to %d, or to 0 for none", flag, v, maxLimit)
	}
	return nil
}

// None turns a flag's 0, which is no limit, into the -1 that says so to the libraries, whose 0 is the default.
func None(v int) int {
	if v == 0 {
		return -1
	}
	return v
}

// Prefix is what subjects and streams start with.
type Prefix struct {
	Prefix string `group:"NATS" default:"parley" placeholder:"WORD" help:"What subjects and the stream's name start with (${default})."`
}

// Check returns an error that wraps [ErrSetting], or nil.
func (p *Prefix) Check() error {
	if _, err := proto.NewSubjects(p.Prefix); err != nil || p.Prefix == "" {
		return Errorf("--prefix %q cannot be: set it to 1 to 32 characters of A-Za-z0-9_-", p.Prefix)
	}
	return nil
}
