package operate

import (
	"fmt"
	"io"
	"strings"
)

// column is a table's. Figures stand to the right.
type column struct {
	head   string
	figure bool
}

// widest is how far a column grows: a longer cell moves the rest of its row.
const widest = 40

// table prints rows as they come, under one head. Columns only grow, so that a long table needs no memory.
type table struct {
	out     io.Writer
	columns []column
	widths  []int // set with the first rows
}

// rows prints some more rows. A cell for each column is needed.
func (t *table) rows(rows [][]string) error {
	if t.widths == nil {
		heads := make([]string, len(t.columns))
		for i, c := range t.columns {
			heads[i] = c.head
		}
		t.widths = make([]int, len(t.columns))
		rows = append([][]string{heads}, rows...)
	}
	for _, row := range rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], min(width(cell), widest))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			fill := strings.Repeat(" ", max(t.widths[i]-width(cell), 0))
			switch {
			case t.columns[i].figure:
				b.WriteString(fill + cell)
			case i == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(cell + fill)
			}
			if i < len(row)-1 {
				b.WriteString("  ")
			}
		}
		b.WriteByte('\n')
	}
	return print(t.out, b.String())
}

// print writes a text.
func print(out io.Writer, text string) error {
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}
