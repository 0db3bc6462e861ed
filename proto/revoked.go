package proto

// Revocation says that tokens of a user that were issued before a time count no more.
type Revocation struct {
	User   string `json:"user"`   // the token's sub, or its user
	Before int64  `json:"before"` // seconds since 1970, as iat has it
	Until  int64  `json:"until"`  // seconds since 1970: when it may be forgotten, since no such token can be in force any more
}

func (r *Revocation) append(b []byte) []byte {
	b = append(b, `{"user":`...)
	b = appendString(b, r.User)
	b = appendInt(b, "before", r.Before)
	return append(appendInt(b, "until", r.Until), '}')
}
