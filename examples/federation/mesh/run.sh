#!/usr/bin/env bash
# Four peers, each linked with each. One is taken away, and the others go on.
#
#     [a]---[b]
#      | \ / |
#      | / \ |
#     [d]---[c]
. "$(dirname "$0")/../lib.sh"
peers=(peer-a peer-b peer-c peer-d)
echo "1. Four peers, six links."
for peer in "${peers[@]}"; do start "$peer" 8080; done
for i in 0 1 2 3; do
    for j in 0 1 2 3; do [ $i -ge $j ] || link "${peers[i]}" "${peers[j]}"; done
done
echo "2. Each writes."
for peer in "${peers[@]}"; do say "$peer" board "$peer" hello; done
agree 4 board "${peers[@]}"
echo "3. One goes; the others go on."
at peer-b stop >/dev/null
say peer-d board peer-d 'without peer-b'
agree 5 board peer-a peer-c peer-d
conclude
