package operate

import (
	"strings"
	"testing"
	"time"
)

func TestOddNamesAreQuotedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"lobby": "lobby", "Küche": "Küche", "会議室": "会議室", "": `""`, "my room": `"my room"`, `say "hi"`: `"say \"hi\""`,
		"a\x1b[31mb": `"a\x1b[31mb"`, "a\u202eb": `"a\u202eb"`, "a\u00a0b": `"a\u00a0b"`, `a\b`: `"a\\b"`,
	} {
		if got := quote(name); got != want {
			t.Errorf("%q is printed %s, expected %s", name, got, want)
		}
	}
}

func TestFiguresReadWell(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(1234567): "1,234,567",
		size(1): "1 byte", size(1023): "1,023 bytes", size(1536): "1.5 KiB", size(5 << 30): "5.0 GiB",
		age(42 * time.Second): "42s", age(125 * time.Second): "2m 5s", age(3*time.Hour + 59*time.Minute): "3h 59m",
		age(50 * time.Hour): "2d 2h", age(-time.Second): "0s",
	} {
		if got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}

func TestTablesStandInColumnsWhateverTheNames(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	tab := &table{out: &b, columns: []column{{head: "ROOM"}, {"N", true}}}
	for _, rows := range [][][]string{{{"a", "1"}, {"会議室", "10"}}, {{"Küche", "7"}}, {{strings.Repeat("x", 60), "3"}}, {{"b", "4"}}} {
		if err := tab.rows(rows); err != nil {
			t.Fatal(err)
		}
	}
	wide := strings.Repeat("x", 60) + "   3\nb" + strings.Repeat(" ", widest-1) + "   4\n"
	if want := "ROOM     N\na        1\n会議室  10\nKüche    7\n" + wide; b.String() != want {
		t.Errorf("printed:\n%s\nexpected:\n%s", b.String(), want)
	}
}
