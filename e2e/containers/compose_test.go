//go:build containers

// Package containers_test runs the compose file of deploy/compose: real
// containers, built FROM scratch, behind a real load balancer. It needs a Docker
// engine and the images of `make images`, so it stands behind a build tag;
// `make containers-test` runs it.
package containers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/deploy/keys"
	"github.com/parley-rtc/parley/e2e/harness"
)

// settle bounds each wait for containers: a stream's election takes up to 12 s.
const settle = 60 * time.Second

// subnet is not the one that `make up` takes.
const subnet = "172.31.252.0/24"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deployment is the compose file, up.
type deployment struct {
	// Set by up.
	project string
	secrets string
	token   string // that grants everything
	url     string
	env     []string
}

// up starts everything under a name and a port of its own, and takes it down
// when the test ends.
func up(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{project: fmt.Sprintf("parleytest%d", os.Getpid()), secrets: t.TempDir()}
	if err := keys.Make(d.secrets, []string{"nats1", "nats2", "nats3"}); err != nil {
		t.Fatal(err)
	}
	passwords, err := keys.Read(d.secrets)
	if err != nil {
		t.Fatal(err)
	}
	uid := os.Getuid()
	if uid == 0 {
		uid = 65532
		for _, name := range []string{keys.Key, keys.RouteKey, keys.TokenSecret} {
			if err := os.Chown(d.secrets+"/"+name, uid, uid); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.token = harness.SecretIn(t, filepath.Join(d.secrets, keys.TokenSecret)).Token(t, "tester", harness.Grants{"*": {"create", "join", "moderate"}})
	address := freeAddress(t)
	d.url = "ws://" + address + "/ws"
	d.env = append(os.Environ(),
		"PARLEY_SECRETS="+d.secrets, "PARLEY_SUBNET="+subnet, "PARLEY_PUBLISH="+address,
		fmt.Sprintf("PARLEY_UID=%d", uid), fmt.Sprintf("PARLEY_GID=%d", uid))
	for login, password := range passwords {
		d.env = append(d.env, keys.Variable(login)+"="+password)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(d.try(context.Background(), compose("logs", "--tail=40")...))
		}
		if out, err := d.try(context.Background(), compose("down", "--volumes", "--timeout", "1")...); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	d.run(t, compose("up", "-d")...)
	for _, service := range services {
		d.healthy(t, service)
	}
	return d
}

// services are what the compose file names; with one copy each.
var services = []string{"nats1", "nats2", "nats3", "roomsvc1", "roomsvc2", "gateway1", "gateway2", "caddy"}

// freeAddress is published by Docker soon after: the port must outlive restarts
// of the load balancer, so it is not left to Docker to choose.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

// docker and compose are the clients that the Makefile found.
func docker(args ...string) []string {
	return append([]string{named("DOCKER", "docker")}, args...)
}

func compose(args ...string) []string {
	return append(strings.Fields(named("COMPOSE", "docker-compose")), args...)
}

func named(variable, otherwise string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return otherwise
}

// try runs a command with the deployment's environment and returns what it said.
func (d *deployment) try(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Dir = "../../deploy/compose"
	command.Env = append(d.env, "COMPOSE_PROJECT_NAME="+d.project)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		return out.String(), errors.Join(err, errors.New(complaint.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func (d *deployment) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.try(t.Context(), args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// container returns the id of a service's container as it is now, running or not.
func (d *deployment) container(t *testing.T, service string) string {
	t.Helper()
	id := d.run(t, docker("ps", "--all", "--quiet",
		"--filter", "label=com.docker.compose.project="+d.project,
		"--filter", "label=com.docker.compose.service="+service)...)
	if id == "" || strings.Contains(id, "\n") {
		t.Fatalf("the containers of %s are %q", service, id)
	}
	return id
}

// kill ends a container as a power cut would, but for the disk.
func (d *deployment) kill(t *testing.T, service string) {
	t.Helper()
	d.run(t, docker("kill", d.container(t, service))...)
}

func (d *deployment) start(t *testing.T, service string) {
	t.Helper()
	d.run(t, docker("start", d.container(t, service))...)
}

// replace stops a service's container in good order and starts a new one.
func (d *deployment) replace(t *testing.T, service string) {
	t.Helper()
	before := d.container(t, service)
	d.run(t, compose("up", "-d", "--no-deps", "--force-recreate", service)...)
	if d.container(t, service) == before {
		t.Fatalf("%s was not replaced", service)
	}
	d.healthy(t, service)
}

// healthy waits until the image's own health check says so.
func (d *deployment) healthy(t *testing.T, service string) {
	t.Helper()
	await(t, service+" is healthy", func() bool {
		return d.run(t, docker("inspect", "--format", "{{.State.Health.Status}}", d.container(t, service))...) == "healthy"
	})
}

// address returns where a container is reached from this machine.
func (d *deployment) address(t *testing.T, service string) string {
	t.Helper()
	return d.run(t, docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", d.container(t, service))...)
}

// await fails the test unless the condition holds within settle.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(settle)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", settle, what)
		case <-t.Context().Done():
			t.Fatalf("the test ended before: %s", what)
		}
	}
}
