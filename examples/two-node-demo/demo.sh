#!/usr/bin/env bash
# The seed's demo, step by step: two nodes on ports 9000 and 9001 (the next free ones if
# those are busy), in this folder; they run until Ctrl+C. DEMO_ONCE=1 stops by itself
# after one receipt has travelled.
set -euo pipefail
cd "$(dirname "$0")"
pando=${PANDO:-../../build/pando}
if [ ! -x "$pando" ]; then
    echo "Building Pando first (make build)"
    make -C ../.. build
fi
hello=${HELLO:-$(dirname "$(realpath "$pando")")/../../capsules/hello.wasm}

port_is_free() { ! ss -Hltun "sport = :$1" | grep -q .; }
first=9000
while ! port_is_free "$first" || ! port_is_free $((first + 1)); do first=$((first + 2)); done
second=$((first + 1))

echo "Wiping node1_data and node2_data"
rm -rf node1_data node2_data
pids=()
cleanup() {
    trap - EXIT INT TERM
    echo "Stopping the nodes"
    kill -INT "${pids[@]}" 2>/dev/null || true
    wait
}
trap cleanup EXIT INT TERM

"$pando" node --port "$first" --name bootstrap-node --db node1_data --listen 127.0.0.1 &
pids+=($!)
"$pando" node --port "$second" --name peer-node --db node2_data --listen 127.0.0.1 --peer "127.0.0.1:$first" &
pids+=($!)
echo "Node 1 (Bootstrap) has PID ${pids[0]}, port $first; Node 2 (Peer) has PID ${pids[1]}, port $second"

for _ in $(seq 1200); do
    "$pando" status --data node2_data --json 2>/dev/null | grep -q '"connected_peers":1' && break
    sleep 0.05
done
echo
echo "Run a capsule on node 1:"
"$pando" test "$hello" '{"name":"test"}' --metrics --data node1_data
want=$("$pando" status --data node1_data --json | grep -o '"dag_events":[0-9]*')
for _ in $(seq 1200); do
    "$pando" status --data node2_data --json | grep -q "$want," && break
    sleep 0.05
done
echo
echo "Node 1:"
"$pando" status --data node1_data
echo "Node 2:"
"$pando" status --data node2_data
"$pando" status --data node2_data --json | grep -q "$want," || { echo "the nodes differ"; exit 1; }
echo "Both nodes show the same event count. Try in another terminal:"
echo "  $pando test $hello '{\"name\":\"you\"}' --metrics --data $PWD/node1_data"
[ "${DEMO_ONCE:-}" = 1 ] && exit 0
echo "Press Ctrl+C to stop."
wait
