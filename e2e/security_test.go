package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// snippet returns a piece of code of docs/security.md.
func snippet(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```"+language+"\n")
	code, _, ends := strings.Cut(rest, "```")
	if !found || !ends {
		t.Fatalf("docs/security.md has no %s", language)
	}
	return code
}

// TestTheTokensOfThePageCount signs a token as docs/security.md says, in Go and in Node, and connects with each.
func TestTheTokensOfThePageCount(t *testing.T) {
	t.Parallel()
	secret := harness.NewSecret(t)
	p := harness.StartParley(t, secret.Args...)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	file := secret.Args[len(secret.Args)-1]
	node := write("token.mjs", `import { readFileSync } from "node:fs";`+"\n"+snippet(t, "js")+
		"\nconsole.log(tokenFor(\"ann\", readFileSync(process.argv[2], \"utf8\")));\n")
	goFile := write("token.go", "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"time\"\n\n\t\"github.com/golang-jwt/jwt/v5\"\n)\n\n"+
		snippet(t, "go")+"\nfunc main() {\n\tsecret, _ := os.ReadFile(os.Args[1])\n\ttoken, err := tokenFor(\"ann\", secret)\n"+
		"\tif err != nil {\n\t\tpanic(err)\n\t}\n\tfmt.Println(token)\n}\n")
	for language, command := range map[string][]string{"Node": {"node", node, file}, "Go": {"go", "run", goFile, file}} {
		out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", language, err, out)
		}
		c := testkit.DialWith(t, p.WS(t), &testkit.Options{Token: strings.TrimSpace(string(out))})
		want(t, c.Create(t, proto.Room("team-"+language)), proto.RoomCreated)
		wantCode(t, c.Create(t, fresh(t)), proto.CodeForbidden)
	}
}
