package settings

// Members is the room service's limit.
type Members struct {
	MaxMembers int `group:"Limits" name:"max-members" default:"1024" placeholder:"MEMBERS" help:"Members of a room (${default})."`
}

// Check returns an error that wraps [ErrSetting], or nil.
func (m *Members) Check() error { return CheckLimit("--max-members", m.MaxMembers) }

// Records is how rooms are written to the journal.
type Records struct {
	RecordForm int `group:"Rooms" name:"record-form" default:"4" enum:"1,2,3,4" placeholder:"FORM" help:"Newest form of the journal's records: 1 is what version 0.1 reads, too; 2 is a third of it; 3 holds resumable sessions; 4 names and what stands about rooms. One is written once every replica of the room service knows it (${default})."`

	RequireUser bool `group:"Rooms" name:"require-user" help:"Refuse requests that do not say which user's token stands behind them, so that a gateway without --auth jwt opens nothing."`
}

// Stream is how NATS keeps the journal.
type Stream struct {
	Replicas int    `group:"Rooms" default:"1" placeholder:"COPIES" help:"Copies of the journal in a NATS cluster: 1, 3 or 5 (${default})."`
	Storage  string `group:"Rooms" default:"file" enum:"file,memory" placeholder:"KIND" help:"What the journal is kept in: file or memory (${default})."`
}

// Check returns an error that wraps [ErrSetting], or nil.
func (s *Stream) Check() error {
	if s.Replicas < 1 || s.Replicas > 5 {
		return Errorf("--replicas %d cannot be: set it to 1, or to 3 or 5 in a NATS cluster with as many servers", s.Replicas)
	}
	return nil
}
