# What the federation examples share: instances of pando in a folder of their own, which run
# until the script ends. PANDO names the binary, KEEP=1 keeps the folder.
set -euo pipefail
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
pando=${PANDO:-$lib/../../build/pando}
if [ ! -x "$pando" ]; then
    echo "Building Pando first (make build)"
    make -C "$lib/../.." build
fi
work=$(mktemp -d /tmp/pando-example-XXXXXX)
pids=()
names=()
failed=0
declare -A port_of

finish() {
    local code=$?
    trap - EXIT INT TERM
    [ ${#pids[@]} -eq 0 ] || kill -INT "${pids[@]}" 2>/dev/null || true
    wait
    if [ "${KEEP:-}" = 1 ] || [ "$failed" -ne 0 ] || [ "$code" -ne 0 ]; then
        echo "Data and logs: $work"
    else
        rm -rf "$work"
    fi
    [ "$code" -ne 0 ] || [ "$failed" -eq 0 ] || code=1
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

is_busy() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start NAME PORT [FLAGS...]: an instance on PORT, or on the next one that is free
start() {
    local name=$1 port=$2
    shift 2
    while is_busy "$port"; do port=$((port + 1)); done
    "$pando" node --name "$name" --data "$work/$name" --listen 127.0.0.1 --port "$port" --quiet \
        --delta db --delta-system-id "$name" "$@" >"$work/$name.log" 2>&1 &
    pids+=($!)
    names+=("$name")
    port_of[$name]=$port
    local tries=0
    until [ -S "$work/$name/control.sock" ] && "$pando" status --data "$work/$name" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 200 ] || ! kill -0 "${pids[-1]}" 2>/dev/null; then
            echo "$name does not start:" >&2
            tail -5 "$work/$name.log" >&2
            exit 1
        fi
        sleep 0.05
    done
    echo "  $name runs: ws://127.0.0.1:$port/federation"
}

# at NAME COMMAND...: a pando command for one of the instances
at() {
    local name=$1
    shift
    "$pando" "$@" --data "$work/$name"
}

# say NAME OBJECT PROPERTY VALUE [OPTIONS...]: a delta, durable when this returns
say() {
    local name=$1 object=$2 property=$3 value=$4
    shift 4
    at "$name" delta create --pointer "about=@$object:$property" --pointer "$property=$value" "$@" >/dev/null
    echo "  $name says: $object.$property = $value"
}

# link FROM TO [OPTIONS...]: FROM dials TO; see pando federate --help
link() {
    local from=$1 to=$2
    shift 2
    at "$from" federate "ws://127.0.0.1:${port_of[$to]}/federation" --reconnect-max-attempts 0 \
        --reconnect-initial-delay 100 --detach "$@" >/dev/null
}

count() { at "$1" delta query "${@:2}" --limit 1000 | wc -l; }
hash_of() { at "$1" delta hash | cut -d' ' -f1; }

# within SECONDS COMMAND...: does it hold by then?
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

check() { # TEXT COMMAND...
    local text=$1
    shift
    if "$@"; then
        echo "  ok: $text"
    else
        echo "  FAILED: $text"
        failed=$((failed + 1))
    fi
}

same_hash() {
    local name first
    first=$(hash_of "$1")
    for name in "$@"; do [ "$(hash_of "$name")" = "$first" ] || return 1; done
}

has_count() { [ "$(count "$1" "${@:3}")" -eq "$2" ]; }

same_view() { # OBJECT NAMES...
    local object=$1 name first
    shift
    first=$(at "$1" delta hyperview "$object" --json)
    for name in "$@"; do [ "$(at "$name" delta hyperview "$object" --json)" = "$first" ] || return 1; done
}

# agree COUNT OBJECT NAMES...: the same deltas, so many, and the same view of the object
agree() {
    local wanted=$1 object=$2 name
    shift 2
    for name in "$@"; do check "$name holds $wanted deltas" within 20 has_count "$name" "$wanted"; done
    check "one canonical state hash: $(hash_of "$1" | cut -c1-16)" within 20 same_hash "$@"
    check "one view of $object" same_view "$object" "$@"
}

conclude() {
    if [ "$failed" -eq 0 ]; then echo "All of it held."; else echo "$failed checks failed."; fi
}
