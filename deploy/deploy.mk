# How Parley is built into images, run on one machine and checked for Kubernetes.
# Included by the Makefile above; works from there only.

PARLEY_TAG ?= dev
PARLEY_PUBLISH ?= 127.0.0.1:8080
export PARLEY_PUBLISH
DOCKER ?= docker
COMPOSE ?= $(shell $(DOCKER) compose version >/dev/null 2>&1 && echo $(DOCKER) compose || echo docker-compose)

DEPLOY_SECRETS := deploy/compose/secrets
# Files of keys are readable by one user: root gives them to the images' user,
# anybody else runs the NATS servers as himself.
DEPLOY_UID := $(shell id -u | sed 's/^0$$/65532/')
DEPLOY_COMPOSE = PARLEY_TAG=$(PARLEY_TAG) PARLEY_UID=$(DEPLOY_UID) PARLEY_GID=$(DEPLOY_UID) \
	TURN=$(TURN) SITE=$(SITE) SITE_TLS_LINE="$(if $(SITE_TLS),tls $(SITE_TLS))" SITE_CERTS=$(SITE_CERTS) \
	$(COMPOSE) --project-name parley --env-file $(DEPLOY_SECRETS)/passwords.env -f deploy/compose/docker-compose.yml \
	$(if $(TURN),-f deploy/compose/turn.yml) $(if $(SITE),-f deploy/compose/tls.yml)

# make up TURN=198.51.100.7 adds a TURN server, SITE=parley.example.org TLS: deploy/compose/README.md
TURN ?=
SITE ?=
SITE_TLS ?=
SITE_CERTS ?= ./certs

.PHONY: proxies-test compose images up ask down compose-keys helm-test deploy-test containers-test engine

images: ## container images, tagged PARLEY_TAG (dev)
	DOCKER="$(DOCKER)" deploy/images/build $(PARLEY_TAG)

compose-keys: ## keys and passwords for the compose file, where there are none
	cd deploy && GOWORK=off go run ./makekeys -owner $(DEPLOY_UID) compose/secrets nats1 nats2 nats3 localhost 127.0.0.1

up: ## the whole of it in containers on this machine, on http://127.0.0.1:8080 (PARLEY_PUBLISH); TURN=address, SITE=name add TURN, TLS
	@DOCKER="$(DOCKER)" deploy/compose/free "$(PARLEY_PUBLISH)"
	@$(MAKE) --no-print-directory images compose-keys
	$(DEPLOY_COMPOSE) up -d --remove-orphans
	@echo "Parley is at http://$(PARLEY_PUBLISH)$(if $(SITE), and at https://$(SITE))"

compose: ## docker-compose ARGS on what is up, as make up called it (with the same TURN= and SITE=)
	$(DEPLOY_COMPOSE) $(ARGS)

ASK ?= status
ask: ## what `parley ASK` says of what is up: status, rooms, "room lobby", ...
	@test -f $(DEPLOY_SECRETS)/passwords.env || { echo "nothing is up: make up"; exit 1; }; \
	. $(DEPLOY_SECRETS)/passwords.env; at() { echo "tls://observer:$$NATS_OBSERVER_PASSWORD@$$1:4222"; }; \
	$(DOCKER) run --rm --network parley_parley -v "$(CURDIR)/$(DEPLOY_SECRETS)/ca.pem:/ca.pem:ro" parley:$(PARLEY_TAG) \
		$(ASK) --nats "$$(at nats1),$$(at nats2),$$(at nats3)" --nats-ca /ca.pem

down: ## ends that, and removes its volumes and keys
	@test -f $(DEPLOY_SECRETS)/passwords.env || { echo "nothing is up"; exit 0; }; \
	$(DEPLOY_COMPOSE) down --volumes --remove-orphans && rm -rf $(DEPLOY_SECRETS)

TRAEFIK := github.com/traefik/traefik/v3@v3.6.0

$(TOOLS)/traefik:
	@mkdir -p $(@D); echo "building Traefik, which takes some minutes"
	cd "$$(go mod download -json $(TRAEFIK) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" && GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -o $@ ./cmd/traefik

proxies-test: setup $(TOOLS)/traefik ## the proxies of deploy/proxies, Traefik too, which make test leaves out unless it is there
	cd e2e && go test -count 1 -v -run TestTheProxies ./socketio/

helm-test: ## the chart: linted, rendered and decoded strictly
	cd deploy/tools && GOWORK=off go test -count 1 ./...

deploy-test: ## tests of what is in deploy/, and of the permissions that NATS holds
	cd deploy && GOWORK=off go test -race ./...
	cd e2e && go test -race ./permissions/

engine:
	@DOCKER="$(DOCKER)" scripts/engine

containers-test: engine images ## the containers under kills and a rolling replacement
	cd e2e && PARLEY_TAG=$(PARLEY_TAG) DOCKER="$(DOCKER)" COMPOSE="$(COMPOSE)" go test -tags containers -count 1 -timeout 15m -v ./containers/
