#!/usr/bin/env bash
# Coverage-guided fuzzing of every parser. `make test` replays the kept corpus on stable Rust;
# this looks for new inputs and needs a nightly toolchain and cargo-fuzz.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${SECONDS_PER_TARGET:-60}
if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "make fuzz needs: rustup toolchain install nightly && cargo install cargo-fuzz" >&2
    exit 1
fi
for target in fuzz_targets/*.rs; do
    cargo +nightly fuzz run "$(basename "$target" .rs)" -- -max_total_time="$seconds"
done
