#!/usr/bin/env bash
# The embedding examples run against the tree, and against an installed libpando.
set -euo pipefail
build=$(cd "$(dirname "$(realpath "$1")")/../.." && pwd)
source=$(cd "$(dirname "$0")/../.." && pwd)
calls=$source/examples/embed/calls.c
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/first"
"$build/examples/embed/embed_two_nodes" "$work/first" 19100
mkdir "$work/log"
"$build/examples/embed/embed_log_room" "$work/log" 19130
"$build/examples/embed/embed_delta" 19150
cmake --install "$build" --prefix "$work/usr" >/dev/null
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/usr" -name pando.pc)")
lib=$(dirname "$PKG_CONFIG_PATH")
# shellcheck disable=SC2046
cc "$source/examples/embed/two_nodes.c" "$calls" -o "$work/two" $(pkg-config --cflags --libs pando)
mkdir "$work/second"
LD_LIBRARY_PATH=$lib "$work/two" "$work/second" 19110
# shellcheck disable=SC2046
cc "$source/examples/embed/log_room.c" "$calls" -o "$work/room" $(pkg-config --cflags --libs pando)
mkdir "$work/log2"
LD_LIBRARY_PATH=$lib "$work/room" "$work/log2" 19140
# shellcheck disable=SC2046
cc "$source/examples/embed/two_nodes.c" "$calls" -o "$work/still" -I"$work/usr/include" "$lib/libpando.a" \
    $(pkg-config --static --libs pando | sed 's/-lpando / /')
mkdir "$work/third"
"$work/still" "$work/third" 19120
# shellcheck disable=SC2046
cc "$source/examples/embed/delta.c" -o "$work/delta" $(pkg-config --cflags --libs pando)
LD_LIBRARY_PATH=$lib "$work/delta" 19160
