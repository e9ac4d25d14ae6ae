#!/usr/bin/env bash
# A global instance, two regions, two instances in each: a delta goes up and down.
#
#          [global]
#          /      \
#       [us]      [eu]
#       /  \      /  \
#     [a]  [b]  [c]  [d]
. "$(dirname "$0")/../lib.sh"
echo "1. Seven instances, six links."
start global 8080
for region in us eu; do
    start $region 8081
    link $region global
done
for leaf in a:us b:us c:eu d:eu; do
    start "${leaf%:*}" 8083
    link "${leaf%:*}" "${leaf#*:}"
done
echo "2. Every leaf writes."
for leaf in a b c d; do say $leaf report $leaf ready; done
agree 4 report global us eu a b c d
conclude
