# Regent's tasks. `make test` is all that a fresh machine needs: it installs
# what the tests use and fails, rather than skips, where something is missing.

GO          ?= go
BIN         := bin/regent
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
LDFLAGS     := -s -w
FUZZTIME    ?= 20s
TESTTIME    := 30m

.PHONY: all build run cluster test unit race lint fuzz bench failover-bench clients compat soak mutants model image tools clean style dist licenses reproducible

all: build

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/regent

run: build
	./$(BIN)

cluster: build
	./$(BIN) cluster

# Everything: style, unit tests, the real binaries, containers where a daemon runs. Results
# are never taken from the cache: it does not know of the binaries that tests build.
test: tools style
	$(GO) test -count=1 -timeout $(TESTTIME) ./...

unit:
	$(GO) test -timeout $(TESTTIME) $$($(GO) list ./... | grep -v /integration)

race:
	$(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v /integration)

# Style, and known vulnerabilities: that needs the network, see scripts/vulns.sh.
lint: style
	@GO=$(GO) scripts/vulns.sh

style:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# Each fuzzer for FUZZTIME.
fuzz:
	@scripts/fuzz.sh $(FUZZTIME)

# Ratios to redis-server, from interleaved runs on this machine.
bench: build tools
	$(GO) run ./integration/bench -regent ./$(BIN)

# Time without an acknowledged write and writes lost: Regent, Sentinel, Redis Cluster.
failover-bench: build tools
	$(GO) run ./integration/failbench -regent ./$(BIN)

# Client libraries of many languages through changes of leader: docs/clients.md.
clients: build tools
	@scripts/client-tools.sh
	$(GO) run ./integration/clients -regent ./$(BIN) -write docs/clients.md

# redis-server's own Tcl suite, the units of what Regent has: docs/compatibility.md.
compat: build tools
	REGENT_SUITE="$$(scripts/compat-suite.sh)" $(GO) test -count=1 -run TestPayloadsOfTheSuite ./engine/commands
	$(GO) run ./integration/compat -regent ./$(BIN) -suite "$$(scripts/compat-suite.sh)" -write docs/compatibility.md

# Longer than a test may be: seeds, kills and fuzzers by the minute.
soak: build tools
	REGENT_SOAK=1 $(GO) test -timeout 2h -count=1 ./cluster/... ./aof/... ./integration/...
	@scripts/fuzz.sh 2m

# Faults that are planted, one at a time: each must be noticed by a test (integration/mutants).
mutants:
	$(GO) run ./integration/mutants

# What a release consists of, in dist/: the binary, its bill of materials, their sums.
dist: build
	@rm -rf dist && mkdir -p dist
	cp $(BIN) docs/licenses.md regent.conf scripts/regent.service dist/
	$(GO) run ./integration/supply -binary $(BIN) -sbom dist/regent.cdx.json
	cd dist && sha256sum * > SHA256SUMS

# docs/licenses.md
licenses:
	$(GO) run ./integration/supply -licenses docs/licenses.md

# Two builds of the last commit are equal to the byte.
reproducible:
	@scripts/reproducible.sh

# The election's model, exhaustively: some minutes.
model:
	@scripts/model.sh $(DEPTH)

# The binary goes into an image from scratch: no base image, no registry.
image: build
	mkdir -p bin/data
	docker build -t regent:latest .

tools:
	@scripts/tools.sh

clean:
	rm -rf bin data dist
