package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// print writes the table.
func (r report) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s, %d cores (servers on one, load on another), Linux %s, %s, load average %s\n",
		r.Machine.CPU, r.Machine.Cores, r.Machine.Kernel, r.Machine.Go, r.Machine.Loadavg)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var under []cell
	for _, l := range r.Rows {
		if len(under) == 0 || !slices.Equal(under, l.row.cells) {
			under = l.row.cells
			head(t, under)
		}
		l.print(t)
	}
	_ = t.Flush()
	fmt.Fprint(w, "\nfloor: a bare relay in memory; three: gateway, nats-server and room service, summed; node: Socket.IO in memory;\n"+
		"node x2: two of those with Redis, summed; keyed: spoken to by resumable sessions. CPU is that of all the server's processes, for one signal, join or event.\n"+
		"Beside each comparison: the bound that it has to keep, and whether it does.\n")
	for _, m := range r.missed() {
		fmt.Fprintf(w, "MISSED: %s\n", m)
	}
	for _, f := range r.Failed {
		fmt.Fprintf(w, "FAILED: %s\n", f)
	}
	if sc, n, worst := r.Figures.busiest(); worst.LoadBusy > 0.9 {
		fmt.Fprintf(w, "The load's core was %.0f %% busy in %s, %s: latencies there are the load's too; CPU stands.\n", 100*worst.LoadBusy, sc, n)
	}
}

// missed names each bound that was not kept.
func (r report) missed() []string {
	var missed []string
	for _, l := range r.Rows {
		for _, c := range l.Compared {
			if c.Met != nil && !*c.Met {
				missed = append(missed, fmt.Sprintf("%s, %s: %s", l.Title, l.Metric, c))
			}
		}
	}
	return missed
}

// head writes a transport's heading.
func head(w io.Writer, cells []cell) {
	titles := make([]string, len(cells))
	for i, c := range cells {
		titles[i] = c.title()
	}
	kind := "PLAIN WEBSOCKET"
	switch last := cells[len(cells)-1]; last.transport {
	case socketIO:
		kind = "SOCKET.IO 4, WEBSOCKET"
	case resumable:
		kind = "RESUMABLE SESSIONS"
	case plain, tokens:
	}
	fmt.Fprintf(w, "\n%s\t\t%s\tcompared\t\n", kind, strings.Join(titles, "\t"))
}

// print writes one line.
func (l line) print(w io.Writer) {
	unit := l.Metric
	if l.Unit != "" {
		unit += " " + l.Unit
	}
	fmt.Fprintf(w, "%s\t%s", l.Title, unit)
	for _, c := range l.row.cells {
		v, ok := l.Values[c.title()]
		if !ok {
			fmt.Fprint(w, "\t-")
			continue
		}
		fmt.Fprintf(w, "\t%s", number(v))
	}
	for _, c := range l.Compared {
		fmt.Fprintf(w, "\t%s", c)
	}
	fmt.Fprintln(w, "\t")
}

// String is the comparison in the table's words.
func (c comparison) String() string {
	s := fmt.Sprintf("%s = %s x %s", c.Of, number(c.Ratio), c.To)
	switch {
	case c.More:
		s = fmt.Sprintf("%s = %s more than %s", c.Of, number(c.Ratio), c.To)
	case c.To == "":
		s = fmt.Sprintf("%s = %s", c.Of, number(c.Ratio))
	}
	if c.Met == nil {
		return s
	}
	verdict := "ok"
	if !*c.Met {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%s (<= %s %s)", s, number(c.Most), verdict)
}

// number has three digits that count, or all before the point.
func number(v float64) string {
	switch {
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
