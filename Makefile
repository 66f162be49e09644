# `make` builds bin/sensor-agent; `make help` lists what else there is.

VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)

# Where `make install` puts things. systemd finds the program under /usr/local
# and under /usr.
PREFIX  ?= /usr/local
DESTDIR ?=
BINARY  ?= bin/sensor-agent

FUZZTIME   ?= 20s
CHAOS_TIME ?= 10m
WEAR       ?= 60s
CUTS       ?= 20
SOAK       ?= 0s
SEED       ?= 1
TESTFLAGS  ?=

tool  = go tool -modfile=internal/tools/go.mod
# Nothing here speaks HTTP/2, which would be linked in with the broker of the demo.
build = CGO_ENABLED=0 go build -trimpath -tags nethttpomithttp2 -ldflags '$(LDFLAGS)' -o $@ ./cmd/sensor-agent

.PHONY: build
build: bin/sensor-agent ## build bin/sensor-agent for this machine (the default)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: bin/sensor-agent ## run simulated sensors with a broker of their own: nothing else is needed
	bin/sensor-agent demo

# go build itself knows whether there is anything to do.
.PHONY: FORCE
FORCE:

bin/sensor-agent: FORCE
	$(build)

.PHONY: cross
cross: $(addprefix dist/sensor-agent-linux-,amd64 arm64 armv7 armv6) ## build dist/ for each kind of Raspberry Pi

dist/sensor-agent-linux-%: FORCE
	GOOS=linux GOARCH=$* $(build)

dist/sensor-agent-linux-armv%: FORCE
	GOOS=linux GOARCH=arm GOARM=$* $(build)

# A test that needs a program which is not installed skips itself, see
# internal/need, and the Debian package it lacked is told at the end.
define run-tests
	@left=$$(mktemp) && trap 'rm -f "$$left"' EXIT && status=0; \
	SENSOR_AGENT_TEST_LEFT_OUT=$$left $(1) || status=$$?; \
	packages=$$(tr ' ' '\n' <"$$left" | sort -u | tr '\n' ' '); \
	[ -z "$$packages" ] || echo "left out: tests that need more. To have them: sudo apt-get install $${packages% }, then make $@"; \
	exit $$status
endef

.PHONY: test
test: ## run every test this machine has the programs for, and say what was left out
	$(call run-tests,go test ./...)

.PHONY: race
race: ## the same under the race detector (needs a C compiler)
	$(call run-tests,go test -race -timeout 20m $(TESTFLAGS) ./...)

# Go's fuzzing now and then takes the end of its time for a failure
# (golang.org/issue/75804), and ten seconds in which the machine stalls for an
# input that hangs. Then the target is run once more, with that input first; one
# that only seemed to hang is thrown away.
.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME (20s)
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	list=$$(go test -list '^Fuzz' ./...) || { echo "$$list"; exit 1; }; \
	try() { \
		go test -run '^$$' -fuzz "^$$1\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "$$2" </dev/null >"$$log" 2>&1; \
		code=$$?; cat "$$log"; return $$code; \
	}; \
	echo "$$list" | awk '/^Fuzz/ {names[n++] = $$1} /^ok/ {while (n) print names[--n], $$2}' | \
	while read -r name package; do \
		echo "$$name of $$package"; \
		try "$$name" "$$package" && continue; \
		grep -q -e 'context deadline exceeded' -e 'hung or terminated unexpectedly' "$$log" || exit 1; \
		input=$$(sed -n 's/.*Failing input written to //p' "$$log"); \
		try "$$name" "$$package" || exit; \
		[ -z "$$input" ] || rm "$$(go list -f '{{.Dir}}' "$$package")/$$input"; \
	done

.PHONY: chaos
chaos: ## kill the agent and its broker for CHAOS_TIME (10m) and account for every reading
	CHAOS_TIME=$(CHAOS_TIME) go test -count=1 -v -timeout 0 -run 'NothingIsLost|MosquittoKilled' ./internal/chaos

.PHONY: long
long: ## a test that takes minutes: a long backlog
	SENSOR_AGENT_TEST_LONG=1 go test -count=1 -v -timeout 20m -run Backlog ./internal/failover

.PHONY: powercut
powercut: ## cut the power under the agent CUTS (20) times for each policy; needs root
	go test -count=1 -timeout 2h -v -parallel 8 ./internal/powercut -cuts $(CUTS) -wear $(WEAR)

.PHONY: virtual-pi
virtual-pi: ## the agent in QEMU, with Debian's kernel and simulated chips that are broken on purpose
	go test -count=1 -timeout 0 -v ./internal/virtualpi -boot -soak $(SOAK) -seed $(SEED)

.PHONY: soak
soak: SOAK = 30m
soak: virtual-pi ## the same, with a fault every few seconds for SOAK (30m)

.PHONY: lint
lint: ## vet, staticcheck and formatting
	go mod tidy -diff
	go vet ./...
	GOOS=linux GOARCH=arm go vet ./...
	GOOS=darwin GOARCH=arm64 go vet ./...
	$(tool) staticcheck ./...
	@files=$$($(tool) gofumpt -l .) || exit; \
	[ -z "$$files" ] || { echo 'to be formatted:' $(tool) gofumpt -w $$files >&2; exit 1; }

.PHONY: bench
bench: bin/sensor-agent ## measure against other ways to publish sensor values
	bench/run
	@[ "$$(id -u)" != 0 ] || go test -count=1 -v -run Wear ./internal/powercut -wear $(WEAR) | grep -v '^='
	@[ "$$(id -u)" = 0 ] || echo 'left out: bytes and flushes a reading, which need root'

# Does not build, so that `make && sudo make install` leaves root without Go, and
# so does a Pi that was handed a binary of dist/.
.PHONY: install
install: ## install the program, an example configuration and the systemd unit: sudo make install [BINARY=dist/…]
	@[ -f '$(BINARY)' ] || { echo '$(BINARY) is not there: run make first, or give BINARY=dist/sensor-agent-linux-…' >&2; exit 1; }
ifndef DESTDIR
	@'$(BINARY)' version >/dev/null || { echo '$(BINARY) does not run on this machine: which of dist/ is for its processor?' >&2; exit 1; }
	for group in i2c spi; do groupadd -f -r $$group; done
endif
	install -D -m 755 '$(BINARY)' '$(DESTDIR)$(PREFIX)/bin/sensor-agent'
	install -D -m 644 deploy/systemd/sensor-agent.service '$(DESTDIR)/etc/systemd/system/sensor-agent.service'
	[ -e '$(DESTDIR)/etc/sensor-agent/config.yaml' ] || install -D -m 644 config.example.yaml '$(DESTDIR)/etc/sensor-agent/config.yaml'
ifndef DESTDIR
	-[ ! -d /run/systemd/system ] || systemctl daemon-reload
	@printf '%s\n' '' 'Next:' \
		'  sudoedit /etc/sensor-agent/config.yaml     # which sensors, which broker' \
		'  sensor-agent check                         # what it would do, or what is wrong with it' \
		'  sudo systemctl enable sensor-agent         # start with the Pi,' \
		'  sudo systemctl restart sensor-agent        # and now' \
		'  journalctl -u sensor-agent -f              # how it is doing'
endif

.PHONY: uninstall
uninstall: ## remove what install installed, but the configuration and what the agent keeps
ifndef DESTDIR
	-[ ! -d /run/systemd/system ] || systemctl disable --now sensor-agent
endif
	rm -f '$(DESTDIR)$(PREFIX)/bin/sensor-agent' '$(DESTDIR)/etc/systemd/system/sensor-agent.service'
	@echo 'left: $(DESTDIR)/etc/sensor-agent and $(DESTDIR)/var/lib/private/sensor-agent; remove them by hand when they are not wanted any more'

.PHONY: clean
clean: ## remove bin/ and dist/
	rm -rf bin dist
