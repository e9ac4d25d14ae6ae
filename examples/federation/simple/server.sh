#!/usr/bin/env bash
# Terminal 1: a federation server with a product whose stock changes. It runs until Ctrl+C, or with
# ONCE=1 until a client's review came.
#
#   PORT (8080), EVERY seconds between updates (5), UPDATES (10)
. "$(dirname "$0")/../lib.sh"
every=${EVERY:-5}
updates=${UPDATES:-10}
port=${PORT:-8080}
! is_busy "$port" || { echo "port $port is busy: PORT=8090 $0" >&2; exit 1; }

start my-server "$port" --config "$here/server.yml" --delta-system-id my-server
say my-server prod_1 name 'Widget Pro' --author shop
say my-server prod_1 price 99.99 --author shop
echo "Start the client in another terminal: URL=ws://localhost:$port/federation $here/client.sh"
for i in $(seq "$updates"); do
    sleep "$every"
    say my-server prod_1 stock $((100 - i)) --author shop
done
echo "Waiting for a review"
until has_count my-server 1 --context review; do sleep 0.1; done
at my-server delta query --context review
agree $((3 + updates)) prod_1 my-server
at my-server link ls
if [ "${ONCE:-}" = 1 ]; then
    while at my-server link ls --json | grep '"inbound"' >/dev/null; do sleep 0.1; done
    conclude
    exit
fi
echo "Press Ctrl+C to stop."
wait
