#!/usr/bin/env bash
# Dependency rules: all of deny.toml where cargo-deny is installed; the bans in any case.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v cargo-deny >/dev/null; then
    cargo deny --all-features check bans licenses sources
else
    echo "SKIPPED: licences and sources (cargo-deny is not installed); bans are checked all the same" >&2
fi
tree=$(cargo tree --workspace --all-features --edges normal,build --prefix none --locked)
banned=$(sed -n 's/.*{ crate = "\([^"]*\)".*/\1/p' deny.toml)
for crate in $banned; do
    if grep -q "^$crate v" <<<"$tree"; then
        echo "banned crate in the tree: $crate (see deny.toml for the reason)" >&2
        exit 1
    fi
done
echo "no banned crate among $(sort -u <<<"$tree" | wc -l) packages"
