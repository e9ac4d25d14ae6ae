#!/usr/bin/env bash
# A hub and three spokes that know only the hub; each writes one part of a document.
#
#        [hub]
#       /  |  \
#     [a] [b] [c]
. "$(dirname "$0")/../lib.sh"
echo "1. A hub and three spokes."
start hub 8080
for spoke in spoke-a spoke-b spoke-c; do
    start $spoke 8081
    link $spoke hub
done
echo "2. Each spoke writes."
say spoke-a doc_1 title 'Design notes' --author alice
say spoke-b doc_1 content 'Deltas converge.' --author bob
say spoke-c doc_1 comment 'Agreed.' --author carol
echo "3. All are equal."
agree 3 doc_1 hub spoke-a spoke-b spoke-c
at hub link ls
conclude
