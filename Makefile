# `make demo` runs the main job, `make test` passes the tests: nothing else is needed to begin.
CARGO ?= cargo

.PHONY: help demo build release install test peers check fmt fmt-check lint deps bench fuzz clean

help: ## This list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

# The build says how far it is: the first one takes minutes. A busy port: make demo PORT=9090
PORT ?= 8080
demo: ## Build, serve the examples with built-in backends on port 8080, print the curl lines to try.
	$(CARGO) build --locked --profile quick
	@$(CARGO) run --quiet --locked --profile quick -- demo examples --port $(PORT)

build: ## A debug build.
	$(CARGO) build --workspace

release: ## The binary as published: target/release/propylon.
	$(CARGO) build --release

install: ## Install the binary into cargo's bin folder.
	$(CARGO) install --path . --locked

peers: ## Install the programs that the tests compare with; says what it cannot have.
	@scripts/peers.sh

test: peers ## Install what the tests need and run all of them.
	$(CARGO) test --workspace --locked

check: fmt-check lint ## Format and lints.

fmt: ## Format the code.
	$(CARGO) fmt --all

fmt-check: ## Fail if the code is not formatted.
	$(CARGO) fmt --all --check

lint: ## Clippy with the workspace's lint table; warnings fail.
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

deps: ## Licences and banned crates.
	@scripts/deps.sh

bench: release ## Side by side with Envoy, nginx and HAProxy: CPU microseconds per request.
	@scripts/peers.sh bench
	benches/load/run

fuzz: ## Coverage-guided fuzzing, 60 s a target (needs nightly Rust and cargo-fuzz).
	@scripts/fuzz.sh

clean: ## Remove what builds made.
	$(CARGO) clean
	rm -rf .peers
