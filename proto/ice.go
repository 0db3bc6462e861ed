package proto

// appendICE appends the STUN and TURN servers. nil: it is not told that there could be any.
func (m *More) appendICE(b []byte) []byte {
	if m == nil || m.ICEServers == nil {
		return b
	}
	b = append(b, `,"iceServers":[`...)
	for i, s := range m.ICEServers {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"urls":[`...)
		for j, url := range s.URLs {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendString(b, url)
		}
		b = append(b, ']')
		if s.Username != "" {
			b = appendField(appendField(b, "username", s.Username), "credential", s.Credential)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}
