module github.com/parley-rtc/parley/e2e

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/coder/websocket v1.8.15
	github.com/go-json-experiment/json v1.27.2
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/nats-io/nats-server/v2 v2.15.2
	github.com/nats-io/nats.go v1.55.0
	github.com/parley-rtc/parley/deploy v0.0.0
	github.com/parley-rtc/parley/proto v0.0.0
	github.com/parley-rtc/parley/testkit v0.0.0
	github.com/pion/stun/v4 v4.0.1
	github.com/pion/turn/v5 v5.1.3
	go.uber.org/goleak v1.3.0
	golang.org/x/crypto v0.58.0
)

require (
	github.com/MicahParks/jwkset v0.11.4 // indirect
	github.com/pion/dtls/v3 v3.1.9 // indirect
	github.com/pion/logging v0.2.4 // indirect
	github.com/pion/randutil v0.1.0 // indirect
	github.com/pion/transport/v5 v5.1.1 // indirect
	github.com/wlynxg/anet v0.0.5 // indirect
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.8.0-default-no-op // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/parley-rtc/parley/bus v0.0.0 // indirect
	github.com/parley-rtc/parley/clients/go v0.0.0
	github.com/parley-rtc/parley/gateway v0.0.0
	github.com/parley-rtc/parley/roomsvc v0.0.0
	golang.org/x/sys v0.49.0
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/parley-rtc/parley/bus => ../bus

replace github.com/parley-rtc/parley/clients/go => ../clients/go

replace github.com/parley-rtc/parley/proto => ../proto

replace github.com/parley-rtc/parley/testkit => ../testkit

replace github.com/parley-rtc/parley/gateway => ../gateway

replace github.com/parley-rtc/parley/roomsvc => ../roomsvc

replace github.com/parley-rtc/parley/services => ../services

replace github.com/parley-rtc/parley/deploy => ../deploy

tool github.com/nats-io/nats-server/v2
