#!/usr/bin/env bash
# The three nodes of compose.yml without containers: each in a network namespace of its own.
#
#   deploy/netns.sh up DIR          start chat_node1..3; their data and logs go to DIR
#   deploy/netns.sh stop N | kill N | start N
#   deploy/netns.sh cut N | heal N  take node N off the network, and back
#   deploy/netns.sh down            stop all and remove the namespaces
#
# Then: pando client --host 10.77.0.1 --port 5001 (node N is 10.77.0.N, port 500N). The binary
# is $PANDO or the `pando` of the build. Needs root and ip; without them it says why and ends
# with status 77, which tests take as "skipped".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pando=${PANDO:-$here/../build/pando}
bridge=chatbr0
net=10.77.0
state=/run/pando-netns # where DIR is remembered

skip() {
    echo "netns.sh: skipped: $1"
    exit 77
}

usage() {
    sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2
    exit 2
}

check_rights() {
    [ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
    command -v ip >/dev/null || skip "the program 'ip' (iproute2) is not installed"
    ip netns add chat_probe 2>/dev/null || skip "this machine lets nobody make network namespaces"
    ip netns del chat_probe
}

name() { echo "chat_node$1"; }
dir() { cat "$state"; }

make_net() {
    ip link add "$bridge" type bridge
    ip addr add "$net.254/24" dev "$bridge"
    ip link set "$bridge" up
    for i in 1 2 3; do
        ip netns add "$(name "$i")"
        ip link add "chatv$i" type veth peer name eth0 netns "$(name "$i")"
        ip link set "chatv$i" master "$bridge" up
        ip -n "$(name "$i")" addr add "$net.$i/24" dev eth0
        ip -n "$(name "$i")" link set eth0 up
        ip -n "$(name "$i")" link set lo up
        mkdir -p "/etc/netns/$(name "$i")"
        printf '127.0.0.1 localhost\n%s.1 chat_node1\n%s.2 chat_node2\n%s.3 chat_node3\n' "$net" "$net" "$net" \
            >"/etc/netns/$(name "$i")/hosts"
    done
}

start() { # N
    local d=$(dir)/node$1_data
    mkdir -p "$d"
    sed "s#/data#$d#" "$here/node$1.yml" >"$d/node$1.yml"
    ip netns exec "$(name "$1")" "$pando" node --config "$d/node$1.yml" >>"$d/out" 2>>"$d/err" </dev/null &
    echo $! >"$d/pid"
}

stop() { # N SIGNAL
    local pid=$(dir)/node$1_data/pid
    [ -f "$pid" ] || return 0
    kill -"$2" "$(cat "$pid")" 2>/dev/null || true
    for _ in $(seq 150); do
        kill -0 "$(cat "$pid")" 2>/dev/null || break
        sleep 0.1
    done
    rm -f "$pid"
}

down() {
    if [ -f "$state" ]; then
        for i in 1 2 3; do stop "$i" INT; done
    fi
    for i in 1 2 3; do
        ip netns del "$(name "$i")" 2>/dev/null || true
        rm -rf "/etc/netns/$(name "$i")"
    done
    ip link del "$bridge" 2>/dev/null || true
    rm -f "$state"
}

command=${1:-}
node=${2:-}
case $command in
up)
    [ -n "$node" ] || usage
    check_rights
    [ -x "$pando" ] || { echo "netns.sh: no binary $pando: build it, or set PANDO" >&2; exit 1; }
    pando=$(realpath "$pando")
    [ ! -f "$state" ] || { echo "netns.sh: already up, in $(dir); 'down' first" >&2; exit 1; }
    mkdir -p "$node"
    realpath "$node" >"$state"
    trap 'down' ERR
    make_net
    for i in 1 2 3; do start "$i"; done
    echo "chat_node1..3 run; logs: $(dir)/nodeN_data/err; pando client --host $net.1 --port 5001"
    ;;
down) check_rights; down ;;
start | stop | kill | cut | heal)
    [[ $node == [123] ]] || usage
    check_rights
    [ -f "$state" ] || { echo "netns.sh: nothing is up" >&2; exit 1; }
    pando=$(realpath "$pando")
    case $command in
    start) start "$node" ;;
    stop) stop "$node" INT ;;
    kill) stop "$node" KILL ;;
    cut) ip link set "chatv$node" down ;;
    heal) ip link set "chatv$node" up ;;
    esac
    ;;
*) usage ;;
esac
