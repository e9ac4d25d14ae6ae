#!/usr/bin/env bash
# Four servers with a trust policy each, and two clients, one of them trusted. Each client offers
# to each server a delta of alice that is verified, one of alice that is not, and one of mallory.
. "$(dirname "$0")/../lib.sh"
capsule=${CAPSULE:-$(dirname "$(realpath "$pando")")/../../capsules/verified.wasm}

echo "1. Two clients, and a server for each policy."
start trusted-client-1 8080
start untrusted-client-999 8081
cid=$("$pando" exec "$capsule" '{"pointers":[]}' --json --data "$work/trusted-client-1" |
    grep -o '"capsule":"[^"]*"' | cut -d'"' -f4)
for policy in system author custom combined; do
    sed "s/CID/$cid/" "$here/$policy.yml" >"$work/$policy.yml"
    start $policy 8082 --config "$work/$policy.yml"
    # So that the server has the capsule, too: it runs once there.
    "$pando" exec "$capsule" '{"pointers":[]}' --data "$work/$policy" >/dev/null
    link trusted-client-1 $policy --mode push
    link untrusted-client-999 $policy --mode push
done

echo "2. Each client offers three deltas to each server."
for client in trusted-client-1 untrusted-client-999; do
    say $client doc_1 note "verified, from $client" --author alice --pointer verified:=true
    say $client doc_1 note "not verified, from $client" --author alice
    say $client doc_1 note "spam, from $client" --author mallory
done

# accepts POLICY ACCEPTED: so many of the six deltas, and the others were rejected and counted
accepts() {
    local rejected=$((6 - $2))
    counted() {
        [ "$(at "$1" link ls --json | grep -o '"deltasRejected":[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }')" -eq "$2" ]
    }
    check "$1: $2 accepted" within 20 has_count "$1" "$2"
    check "$1: $rejected rejected and counted" within 20 counted "$1" "$rejected"
}
echo "3. What each server took."
accepts system 3
accepts author 4
accepts custom 2
accepts combined 1
at combined link ls
at combined delta query
conclude
