package roomsvc

// Timings lets the tests of other packages shorten what they would wait for.
func Timings(c *Config) *timings { return &c.timings }
