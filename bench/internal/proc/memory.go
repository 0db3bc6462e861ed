package proc

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Memory is what processes hold, in bytes.
type Memory struct {
	RSS int64 `json:"rss"` // resident, shared pages counted in full
	PSS int64 `json:"pss"` // resident, shared pages divided among their sharers
}

// MemoryOf sums the memory of the processes. Memory that the kernel holds for
// their sockets is in neither number.
func MemoryOf(pids ...int) (Memory, error) {
	var sum Memory
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return Memory{}, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		m, err := parseRollup(text)
		if err != nil {
			return Memory{}, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		sum.RSS += m.RSS
		sum.PSS += m.PSS
	}
	return sum, nil
}

// parseRollup reads the Rss and Pss lines of smaps_rollup, which are in kB.
func parseRollup(text []byte) (Memory, error) {
	var m Memory
	found := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) != 3 {
			continue
		}
		var into *int64
		switch string(fields[0]) {
		case "Rss:":
			into = &m.RSS
		case "Pss:":
			into = &m.PSS
		default:
			continue
		}
		kb, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("smaps_rollup %q: %w", lines.Text(), err)
		}
		*into = kb << 10
		found++
	}
	if found != 2 {
		return Memory{}, fmt.Errorf("smaps_rollup: %w", errFormat)
	}
	return m, nil
}
