#!/usr/bin/env bash
# A trust boundary: the bridge lets some deltas in and some out.
#
#     [public] <-> [bridge] <-> [private]
. "$(dirname "$0")/../lib.sh"
echo "1. Two networks, and a bridge between them (bridge.yml)."
start public 8080
start private 8081
sed "s/PUBLIC/${port_of[public]}/; s/PRIVATE/${port_of[private]}/" "$here/bridge.yml" >"$work/bridge.yml"
start bridge 8082 --config "$work/bridge.yml"
echo "2. Both sides write."
say public page public 'open house on Friday' --author guest
say public page spam 'buy now' --author mallory
say private page public 'minutes of the meeting' --author alice
say private page salary confidential --author alice
rejections() { [ "$(at bridge link ls --json | grep -o '"deltasRejected":1' | wc -l)" -eq 1 ]; }
echo "3. What got across."
check "public holds its own two and one of private" within 20 has_count public 3
check "private holds its own two and one of public" within 20 has_count private 3
check "the bridge rejected mallory's delta and counted it" within 20 rejections
sleep 0.3 # what should not come would be here
check "the bridge holds what crossed it" has_count bridge 2
check "the salary stayed inside" has_count public 0 --context salary
check "the spam stayed outside" has_count private 0 --context spam
at bridge link ls
conclude
