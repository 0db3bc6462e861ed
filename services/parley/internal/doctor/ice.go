package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/turn/v5"

	parley "github.com/parley-rtc/parley/clients/go"
)

// servers looks at each STUN and TURN server that clients are told.
func servers(ctx context.Context, x *examination) (string, error) {
	told, _, err := x.pair.clients[0].ICEServers(ctx)
	if err != nil {
		return "", fmt.Errorf("the servers are not told: %w", err)
	}
	if len(told) == 0 {
		return "none are told: clients behind routers need --stun and --turn, or servers of the app's own", nil
	}
	var fine []string
	var wrong []error
	for _, s := range told {
		for _, url := range s.URLs {
			if err := look(ctx, url, s); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", url, err))
			} else {
				fine = append(fine, url)
			}
		}
	}
	return strings.Join(fine, ", "), errors.Join(wrong...)
}

func look(ctx context.Context, text string, s parley.ICEServer) error {
	u, err := stun.ParseURI(text)
	if err != nil {
		return fmt.Errorf("is no such URL: %w", err)
	}
	if u.Scheme == stun.SchemeTypeSTUNS || u.Scheme == stun.SchemeTypeTURNS || u.Proto == stun.ProtoTypeTCP {
		return reachable(ctx, u)
	}
	at := net.JoinHostPort(u.Host, fmt.Sprint(u.Port))
	if u.Scheme == stun.SchemeTypeSTUN {
		client, conn, err := dial(at, parley.ICEServer{})
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		defer client.Close()
		if _, err := client.SendBindingRequest(); err != nil {
			return silent(at, err)
		}
		return nil
	}
	return relay(at, s)
}

// reachable is as far as servers over TCP and TLS are looked at.
func reachable(ctx context.Context, u *stun.URI) error {
	var d net.Dialer
	at := net.JoinHostPort(u.Host, fmt.Sprint(u.Port))
	conn, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return silent(at, err)
	}
	return conn.Close() //nolint:wrapcheck // nothing was sent
}

func silent(at string, err error) error {
	return fmt.Errorf("nothing answers at %s: is the server running, and its port open in the firewall? (%w)", at, err)
}

func dial(at string, s parley.ICEServer) (*turn.Client, net.PacketConn, error) {
	to, err := net.ResolveUDPAddr("udp", at)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is not known: look at its DNS record (%w)", at, err)
	}
	network := "udp4" // an allocation is of the family of the socket that asks for it
	if to.IP.To4() == nil {
		network = "udp6"
	}
	conn, err := net.ListenPacket(network, ":0") //nolint:noctx // it opens nothing
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // of this machine
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Username: s.Username, Password: s.Credential, Conn: conn, RTO: 200 * time.Millisecond,
	})
	if err == nil {
		err = client.Listen()
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, fmt.Errorf("%s cannot be asked: %w", at, err)
	}
	return client, conn, nil
}

// relay makes two allocations and sends a packet from one to the other.
func relay(at string, s parley.ICEServer) error {
	var relays [2]net.PacketConn
	for i := range relays {
		client, conn, err := dial(at, s)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		defer client.Close()
		allocated, err := client.Allocate()
		switch {
		case err != nil && (strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "Unauthorized")):
			return errors.New("the credentials are refused: --turn-secret-file and the server's secret differ (coturn: static-auth-secret), or a clock is wrong")
		case err != nil && strings.Contains(err.Error(), "438"):
			return errors.New("the server's nonce is stale again and again: look at its log")
		case err != nil:
			return silent(at, err)
		}
		defer func() { _ = allocated.Close() }()
		relays[i] = allocated
	}
	const word = "parley doctor"
	for i, r := range relays { // each has to let the other in
		if _, err := r.WriteTo([]byte(word), relays[1-i].LocalAddr()); err != nil {
			return fmt.Errorf("it relays nothing to %s: %w", relays[1-i].LocalAddr(), err)
		}
	}
	heard := make([]byte, 100)
	for range 5 {
		if _, err := relays[0].WriteTo([]byte(word), relays[1].LocalAddr()); err != nil {
			return fmt.Errorf("it relays nothing to %s: %w", relays[1].LocalAddr(), err)
		}
		_ = relays[1].SetReadDeadline(time.Now().Add(time.Second))
		if n, _, err := relays[1].ReadFrom(heard); err == nil && string(heard[:n]) == word {
			return nil
		}
	}
	return fmt.Errorf("an allocation was made, and no packet comes through from %s to %s: the server's external address is wrong (coturn: external-ip), or a firewall closes its relay ports",
		relays[0].LocalAddr(), relays[1].LocalAddr())
}
