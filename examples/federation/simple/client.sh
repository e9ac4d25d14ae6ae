#!/usr/bin/env bash
# Terminal 2: a client that takes everything from the server, follows it, and writes a review.
#
#   URL (ws://localhost:8080/federation), UPDATES of the stock to wait for (10)
. "$(dirname "$0")/../lib.sh"
url=${URL:-ws://localhost:8080/federation}
updates=${UPDATES:-10}
server=${url#ws://}
server=${server%%/*}

start my-client 8081
"$pando" federate "$url" --mode bidirectional --initial-sync full --reconnect-max-attempts 0 \
    --reconnect-initial-delay 200 --reconnect-max-delay 2000 \
    --data "$work/my-client" &
pids+=($!)
check "the product came" within 20 has_count my-client 2 --target prod_1 --context name --context price
echo "Following the stock"
until has_count my-client "$updates" --context stock; do sleep 0.1; done
say my-client prod_1 review 'Great product!' --author customer
same_as_server() { [ "$("$pando" delta hash --node "$server")" = "$(at my-client delta hash)" ]; }
check "the server holds what the client holds" within 20 same_as_server
agree $((3 + updates)) prod_1 my-client
conclude
