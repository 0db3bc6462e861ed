module github.com/parley-rtc/parley/clients/go

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	github.com/parley-rtc/parley/proto v0.0.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
)

replace github.com/parley-rtc/parley/proto => ../../proto
