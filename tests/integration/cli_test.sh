#!/usr/bin/env bash
# Usage: tests/integration/cli_test.sh PANDO [SOURCE_DIR]
#
# What the command line promises where no node runs: help, nearest words, exit codes, keys,
# config, capsules of one's own. The last line is "N passed, M failed".
set -uo pipefail
pando=$(realpath "${1:?usage: cli_test.sh PANDO [SOURCE_DIR]}")
source_dir=$(realpath "${2:-$(dirname "$0")/../..}")
self=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_RUNTIME_DIR=$work/run PATH="$(dirname "$pando"):$PATH"
unset PANDO_DATA PANDO_TOKEN
mkdir -m 700 "$XDG_RUNTIME_DIR"
cd "$work" || exit 1
passed=0 failed=0

# check NAME EXPECTED_EXIT PATTERN COMMAND...: exit code, and an ERE found in all it prints.
check() {
    local name=$1 want=$2 pattern=$3 got=0
    shift 3
    "$@" >out 2>&1 </dev/null || got=$?
    if [[ $got == "$want" ]] && { [[ -z $pattern ]] || grep -Eq -- "$pattern" out; }; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name: exit $got (want $want), want /$pattern/ in:"
        sed 's/^/    /' out | head -20
    fi
}

check "no command prints the usage"       2 'Usage: pando COMMAND'            "$pando"
check "help lists every command"          0 'receipt verify'                  "$pando" --help
check "help of a command has examples"    0 'pando exec hello.wasm'           "$pando" exec --help
check "-h is help too"                    0 'Examples:'                       "$pando" status -h
check "help COMMAND is the same"          0 'pando dag ls --limit'            "$pando" help dag ls
check "a group lists its commands"        2 'peer ping'                       "$pando" peer
check "help of a group is a success"      0 'peer ping'                       "$pando" peer --help
check "the version"                       0 '^pando [0-9]+\.[0-9]+\.[0-9]+$'  "$pando" --version
check "a mistyped command"                2 "did you mean 'pando status'"     "$pando" stauts
check "a mistyped subcommand"             2 "did you mean 'pando peer ban'"   "$pando" peer bna
check "a mistyped group"                  2 "did you mean 'pando peer ls'"    "$pando" pere ls
check "a mistyped option"                 2 'did you mean --metrics'          "$pando" exec --metrcs a.wasm
check "an option of no likeness"          2 'no option --zzzzzzz'             "$pando" exec --zzzzzzz a.wasm
check "a missing word"                    2 'CAPSULE \[INPUT\]'               "$pando" exec
check "a word too many"                   2 'Too many arguments'              "$pando" status now
check "a missing value"                   2 "requires an argument"            "$pando" status --data
check "the alias of exec"                 3 'nothing.wasm: No such file'      "$pando" test nothing.wasm

check "no node runs: how to start one"    5 "pando node"                      "$pando" status
check "no such data folder"               3 'no data folder ./nowhere'        "$pando" status --data ./nowhere
check "no node of that name"              3 "no node named 'bob'"             "$pando" status --node bob
check "nobody on that port"               5 'TCP port 1 open in the firewall' "$pando" status --node 127.0.0.1:1
check "a timeout that is none"            2 'takes seconds'                   "$pando" status --timeout soon --data .
check "a wrong peer address"              2 'IP:PORT'                         "$pando" peer add not-an-address
check "a wrong peer of a node"            2 'IP:PORT'                         "$pando" node --peer nonsense --data ./n
check "a wrong log level"                 2 "did you mean 'DEBUG'"            "$pando" log-level debgu
check "a wrong limit"                     2 'memory_mb'                       "$pando" exec "$self" '{}' --limits '{"memory_mbs":1}'
check "a wrong preset"                    2 'default, development'            "$pando" exec "$self" '{}' --limits huge

check "config explain"                    0 '^durability$'                    "$pando" config explain
check "config explain KEY"                0 'type one of text, json'          "$pando" config explain log.format
check "config explain GROUP"              0 '^log.rotate_mb$'                 "$pando" config explain log
check "config explain of a mistyped key"  3 "did you mean 'heartbeat_s'"      "$pando" config explain hartbeat_s
check "config explain as JSON"            0 '"key":"exec.limits"'             "$pando" config explain --json
printf 'name: a\nprot: 9001\n' >bad.yml
check "a mistyped key in the file"        2 "bad.yml:2:1: .*did you mean 'port'" "$pando" node --config bad.yml
check "a file that is not there"          3 'gone.yml'                        "$pando" node --config gone.yml
check "a port out of range"               2 'port must be a number'           "$pando" node --port 70000
mkdir data && printf 'port: 9007\ntoken: hunter2\n' >data/config.yml
check "the value in force"                0 'now 9007'                        "$pando" config explain port --data data
check "the token stays secret"            0 'now \(set\)'                     "$pando" config explain token --data data

check "keys need a folder"                2 'data'                            "$pando" key show
check "no keystore yet"                   3 'keystore'                        "$pando" key show --data data
check "key new makes the node's key"      0 'node +12D3Koo'                   "$pando" key new --data keys
first=$("$pando" key show --data keys --json)
check "key show prints the same id"       0 '12D3Koo'                         "$pando" key show --data keys
check "a second key"                      0 'writer +12D3Koo'                 "$pando" key new writer --data keys
check "the same name again"               1 'writer'                          "$pando" key new writer --data keys
check "one key by name"                   0 'writer'                          "$pando" key show writer --data keys
check "a key that is not there"           3 "no key 'reader'"                 "$pando" key show reader --data keys
check "the first key has not changed"     0 "$(grep -o '12D3Koo[A-Za-z0-9]*' <<<"$first")" "$pando" key show node --data keys
check "the keystore is private"           0 '^600$'                           stat -c %a keys/keystore
chmod 644 keys/keystore
check "a keystore others may read"        4 'keystore'                        "$pando" key show --data keys
check "json is JSON"                      0 '^{"keys":\['                     echo "$first"

check "a file that is no capsule"         7 'not valid'                       "$pando" validate "$self"
check "the report as JSON"                7 '"is_valid":false'                "$pando" validate "$self" --json
check "init makes a project"              0 'cd greeter && make'              "$pando" init greeter --template hello-world
check "init does not overwrite"           1 'cannot make the folder'          "$pando" init greeter
check "a template that is not there"      3 "did you mean 'hello-world'"      "$pando" init x --template helo-world
check "the project builds"                0 ''                                make -s -C greeter
check "and is a valid capsule"            0 'The capsule is valid'            "$pando" validate greeter/greeter.wasm
check "init json-transform"               0 'transformer'                     "$pando" init transformer --template json-transform
check "which builds too"                  0 ''                                make -s -C transformer
check "a receipt that is no JSON"         7 'no JSON'                         "$pando" receipt verify "$self"
printf '{"id":"x"}' >half.json
check "half a receipt"                    7 ''                                "$pando" receipt verify half.json

check "a chat needs a number"             2 '--id is missing: pando chat --id 1'  "$pando" chat --port 6001
check "and a port"                        2 '--port is missing'               "$pando" chat --id 1
check "a number that is none"             2 '--id takes a number'             "$pando" chat --id one --port 6001
check "a seed that is no address"         2 'IP:PORT'                         "$pando" chat --id 2 --port 6002 --seed nonsense
check "a log space says how it begins"    2 '--found .*--members .*--join'    "$pando" log create chat --id 1
check "which must be one way"             2 '--found .*--members .*--join'    "$pando" log create chat --id 1 --found --join
check "members are numbers"               2 'numbers with commas'             "$pando" log create chat --id 1 --members 1,two
check "recovery is refused with a reason" 4 'say --unsafe'                    "$pando" log recover --members 1
check "and needs the members"             2 '--members 1,2'                   "$pando" log recover --unsafe
check "a mistyped log command"            2 "did you mean 'pando log append'" "$pando" log apend
check "a group of two has no majority"    2 '--peers 3 or more'               "$pando" scale-test --peers 2 --kill-leader
check "a rate that is none"               2 '--rate takes a number'           "$pando" load --rate fast
check "a demo that is not there"          3 'two-node, chat'                  "$pando" demo three-node

check "completions are bash"              0 ''                                bash -c 'source <(pando completions bash) && complete -p pando'
check "completions of another shell"      1 'bash'                            "$pando" completions fish
check "docs/guide/commands.md is current" 0 ''                                bash -c "diff <(pando help --markdown) '$source_dir/docs/guide/commands.md'"

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
