/* table.c - every command, once: dispatch, help, docs/guide/commands.md and completions.
 */
#include "apps/pando/commands.h"

#include "apps/pando/table_delta.h"

#include <string.h>

#define END \
    {       \
        0   \
    }

static const struct argp_option node_options[] = {
    { NULL, 'p', "PORT", 0, "The same as --port", 4 },
    { NULL, 'n', "NAME", 0, "The same as --name", 4 },
    { "peer", OPT_PEER, "ADDRESS", 0, "One more peer: IP:PORT or a multiaddr; may repeat",
      4 },
    { NULL, 'c', "ADDRESS", 0, "The same as --peer", 4 },
    { "db", OPT_DB, "DIR", 0, "The same as --data", 4 },
    { "delta", OPT_DELTA, "NAME", 0,
      "Open a delta space, too; others federate with it at ws://HOST:PORT/federation", 4 },
    { "federation", OPT_FEDERATION, NULL, 0, "The same as --delta deltas", 4 },
    { "config", OPT_FILE, "FILE", 0, "Read this file instead of DATA/config.yml", 4 },
    { "quiet", OPT_QUIET, NULL, 0, "Print no events, only the log", 4 },
    END,
};
static const struct argp_option exec_options[] = {
    { "metrics", OPT_METRICS, NULL, 0, "Print fuel, memory, duration and host calls", 1 },
    { "show-receipt", OPT_SHOW_RECEIPT, NULL, 0, "Print the receipt as JSON", 1 },
    { "limits", OPT_LIMITS, "JSON|PRESET", 0,
      "default, development, production, test, or a JSON object of single limits", 1 },
    { "input-file", OPT_INPUT_FILE, "FILE", 0,
      "Take the input from a file, - for standard input", 1 },
    { "out", OPT_OUT, "FILE", 0, "Write the output to a file", 1 },
    { "no-store", OPT_NO_STORE, NULL, 0, "Do not keep capsule and input: no replay then",
      1 },
    { "space", OPT_SPACE, "NAME", 0, "The dag space that takes the receipt (default)",
      1 },
    END,
};
static const struct argp_option validate_options[] = {
    { "limits", OPT_LIMITS, "PRESET", 0, "Judge by the limits of this preset", 1 },
    END,
};
static const struct argp_option verify_options[] = {
    { "replay", OPT_REPLAY, NULL, 0, "Run the capsule again and compare; asks a node",
      1 },
    { "max-age", OPT_MAX_AGE, "SECONDS", 0,
      "Refuse older receipts (3600); 0 takes any age", 1 },
    { "space", OPT_SPACE, "NAME", 0, "The dag space to look in (default)", 1 },
    END,
};
static const struct argp_option space_option[] = {
    { "space", OPT_SPACE, "NAME", 0, "The dag space to look in (default)", 1 },
    END,
};
static const struct argp_option ls_options[] = {
    { "limit", OPT_LIMIT, "N", 0, "At most so many", 1 },
    { "before", OPT_SINCE, "POSITION", 0, "Continue an earlier list", 1 },
    { "kind", OPT_KIND, "KIND", 0, "Only receipt, announce, leave, blob or data", 1 },
    { "author", OPT_AUTHOR, "PEER", 0, "Only events of this author", 1 },
    { "space", OPT_SPACE, "NAME", 0, "The dag space to look in (default)", 1 },
    END,
};
static const struct argp_option export_options[] = {
    { "out", OPT_OUT, "FILE", 0, "Write here instead of to standard output", 1 },
    { "space", OPT_SPACE, "NAME", 0, "The dag space to export (default)", 1 },
    END,
};
static const struct argp_option ban_options[] = {
    { "reason", OPT_REASON, "TEXT", 0, "Why: 'pando peer ls' shows it", 1 },
    END,
};
static const struct argp_option create_options[] = {
    { "kind", OPT_KIND, "KIND", 0, "Kind of the space (dag)", 1 },
    { "config-json", OPT_SPACE_CONFIG, "JSON", 0,
      "Immutable settings; they are part of its id", 1 },
    { "access", OPT_ACCESS, "PEER=ROLE", 0,
      "Who may enter, also part of its id: a peer id with read, write or admin; may "
      "repeat (open)",
      1 },
    END,
};
static const struct argp_option template_options[] = {
    { "template", OPT_TEMPLATE, "NAME", 0, "hello-world or json-transform (hello-world)",
      1 },
    END,
};
static const struct argp_option markdown_options[] = {
    { "markdown", OPT_MARKDOWN, NULL, 0, "Print Markdown", 1 },
    END,
};

static const struct argp_option demo_options[] = {
    { "every", OPT_EVERY, "MS", 0,
      "federation-simple: milliseconds between the updates of the stock (100; up to 60000)", 1 },
    END,
};
static const struct argp_option sim_options[] = {
    { "scenario", OPT_SCENARIO, "NAME", 0, "One of --list, or all (swarm)", 1 },
    { "seed", OPT_SEED, "N", 0, "The seed (1); it replays exactly", 1 },
    { "seeds", OPT_SEEDS, "K", 0, "So many seeds in a row (1)", 1 },
    { "nodes", OPT_NODES, "N", 0, "Nodes, instead of the scenario's number", 1 },
    { "seconds", OPT_SECONDS, "S", 0, "Virtual seconds of load", 1 },
    { "replay", OPT_REPLAY, NULL, 0, "Run each seed twice and compare the histories", 1 },
    { "plant", OPT_PLANT, "BUG", 0,
      "Plant a bug: early-ack, no-sync, lost-bytes, no-redial, trusts-all or deaf", 1 },
    { "trace", OPT_TRACE, NULL, 0, "Print the nodes' logs to standard error", 1 },
    { "list", OPT_LIST, NULL, 0, "List the scenarios", 1 },
    END,
};

static const struct argp_option log_options[] = {
    { "space", OPT_SPACE, "NAME", 0, "The log space (the only one)", 1 },
    END,
};
static const struct argp_option log_create_options[] = {
    { "id", OPT_ID, "N", 0, "Number of this member; the higher, the sooner it leads", 1 },
    { "found", OPT_FOUND, NULL, 0, "Begin a group with this member alone; others join it", 1 },
    { "members", OPT_MEMBERS, "N,N,...", 0, "Begin with these members, this one among them", 1 },
    { "join", OPT_JOIN, NULL, 0, "Be taken in by the peers that hold the group", 1 },
    { "name", OPT_NAME, "NAME", 0, "How the member is shown (node_N)", 1 },
    END,
};
static const struct argp_option log_append_options[] = {
    { "space", OPT_SPACE, "NAME", 0, "The log space (the only one)", 1 },
    { "room", OPT_ROOM, "ROOM", 0, "The room (general)", 1 },
    { "name", OPT_NAME, "NAME", 0, "Who says it (the node)", 1 },
    END,
};
static const struct argp_option log_read_options[] = {
    { "space", OPT_SPACE, "NAME", 0, "The log space (the only one)", 1 },
    { "room", OPT_ROOM, "ROOM", 0, "The room (general)", 1 },
    { "from", OPT_FROM, "SEQ", 0, "From this number on (the newest)", 1 },
    { "limit", OPT_LIMIT, "N", 0, "At most so many (50)", 1 },
    { "linear", OPT_LINEAR, NULL, 0,
      "Ask the members first, so that all that was acknowledged before is seen", 1 },
    END,
};
static const struct argp_option log_tail_options[] = {
    { "space", OPT_SPACE, "NAME", 0, "The log space (the only one)", 1 },
    { "room", OPT_ROOM, "ROOM", 0, "Only this room (all; with --from: general)", 1 },
    { "from", OPT_FROM, "SEQ", 0, "From this number on (what comes from now on)", 1 },
    END,
};
static const struct argp_option log_recover_options[] = {
    { "space", OPT_SPACE, "NAME", 0, "The log space (the only one)", 1 },
    { "unsafe", OPT_UNSAFE, NULL, 0, "Yes, what only the lost members hold may be gone", 1 },
    { "members", OPT_MEMBERS, "N,N,...", 0, "Who is left, this node among them", 1 },
    END,
};
static const struct argp_option client_options[] = {
    { "host", OPT_HOST, "HOST", 0, "The node's host (127.0.0.1)", 1 },
    { "port", OPT_PORT, "PORT", 0, "The node's TCP port (5001)", 1 },
    { "nodes", OPT_NODES, "HOST:PORT,...", 0, "Further nodes of the chat, if that one goes", 1 },
    { "client-id", OPT_CLIENT_ID, "N", 0, "Who speaks: shown as node_N (9999)", 1 },
    { "room", OPT_ROOM, "ROOM", 0, "The room (general)", 1 },
    { "token", OPT_TOKEN, "TOKEN", 0, "Token of the node, from another machine", 1 },
    { "timeout", OPT_TIMEOUT, "SECONDS", 0,
      "How long to wait for acknowledgements when the input has ended (30)", 1 },
    END,
};
static const struct argp_option chat_options[] = {
    { "id", OPT_ID, "N", 0, "Number of this peer; the higher, the sooner it leads", 1 },
    { "port", OPT_PORT, "PORT", 0, "UDP port of the peer, and TCP port of its HTTP", 1 },
    { NULL, 'p', "PORT", 0, "The same as --port", 1 },
    { "host", OPT_HOST, "ADDRESS", 0, "Address on which it listens (127.0.0.1)", 1 },
    { "seed", OPT_SEED, "ID:HOST:PORT", 0,
      "A peer of the chat; may repeat. Without one this peer begins a chat", 1 },
    { "room", OPT_ROOM, "ROOM", 0, "The room to begin in (general)", 1 },
    { "data", OPT_DATA, "DIR", 0, "Data folder (./peer_N_data)", 1 },
    { "log-dir", OPT_LOG_DIR, "DIR", 0, "Folder of the transcript peer_N.log (data/logs)", 1 },
    { "verbose", OPT_VERBOSE, NULL, 0, "Show heartbeats and buffering too", 1 },
    { "plain", OPT_PLAIN, NULL, 0, "Lines only, no screen", 1 },
    END,
};

static const struct argp_option scale_options[] = {
    { "peers", OPT_PEERS, "N", 0, "So many peers (5)", 1 },
    { "messages", OPT_MESSAGES, "M", 0, "Each says so many messages (20)", 1 },
    { "kill-leader", OPT_KILL_LEADER, NULL, 0, "Kill the leader in the middle", 1 },
    { "base-port", OPT_BASE_PORT, "PORT", 0, "Free ports from here on (7000)", 1 },
    END,
};
static const struct argp_option load_options[] = {
    { "rate", OPT_RATE, "R", 0, "Messages per second (100)", 1 },
    { "count", OPT_COUNT, "C", 0, "Messages in all (100)", 1 },
    { "room", OPT_ROOM, "ROOM", 0, "The room (general)", 1 },
    { "space", OPT_SPACE, "NAME", 0, "The log space (the only one)", 1 },
    { "check", OPT_CHECK, "NAME|HOST:PORT", 0,
      "Another node that must hold the same messages; may repeat", 1 },
    END,
};

#define ROW(NAME, ALIAS, NEEDS, MIN, MAX, USAGE, RUN, OPTIONS, FLAGS, SUMMARY, MORE,  \
            EXAMPLES)                                                                 \
    {                                                                                 \
        .name = NAME, .alias = ALIAS, .needs = NEEDS, .words_min = MIN,               \
        .words_max = MAX, .usage = USAGE, .run = RUN, .options = OPTIONS,             \
        .config_flags = FLAGS, .summary = SUMMARY, .more = MORE, .examples = EXAMPLES \
    }

const struct command commands[] = {
    ROW("node", NULL, NEEDS_NOTHING, 0, 0, "", run_node, node_options, true,
        "Run a node until it is stopped",
        "Every key of config.yml is an option too; an option wins over the file.",
        "pando node --port 9000 --name node1\n"
        "pando node --port 9001 --name node2 --peer 127.0.0.1:9000\n"
        "pando node --port 8080 --delta notes\n"
        "pando node --config /etc/pando/config.yml --log-level info,dag=debug\n"),
    ROW("stop", NULL, NEEDS_NODE, 0, 0, "", run_stop, NULL, false,
        "Stop a running node in order", NULL, "pando stop --node node1\n"),
    ROW("status", NULL, NEEDS_NODE, 0, 0, "", run_status, NULL, false,
        "Identity, addresses, Connected Peers, DAG Events, Receipt Count, Node Count",
        NULL,
        "pando status\npando status --node node1 --json\npando status --data "
        "./node1_data\n"),
    ROW("watch", NULL, NEEDS_NODE, 0, 0, "", run_watch, NULL, false,
        "What happens on a node, as JSON lines, until interrupted", NULL,
        "pando watch --node node1\n"),
    ROW("exec", "test", NEEDS_NODE, 1, 2, "CAPSULE [INPUT]", run_exec, exec_options,
        false, "Run a capsule on a node; its signed receipt goes into the dag",
        "Without a running node the data folder of --data is opened for the one run.",
        "pando exec hello.wasm '{\"name\":\"test\"}' --metrics\n"
        "pando exec hello.wasm '{\"name\":\"test\"}' --show-receipt --node node1\n"
        "pando exec big.wasm --input-file data.json --limits '{\"memory_mb\":64}'\n"),
    ROW("validate", NULL, NEEDS_NOTHING, 1, 1, "CAPSULE", run_validate, validate_options,
        false, "Check a capsule: size, exports, imports", NULL,
        "pando validate hello.wasm\npando validate hello.wasm --json\n"),
    ROW("receipt verify", NULL, NEEDS_NODE, 1, 1, "ID|FILE", run_receipt_verify,
        verify_options, false,
        "Check a receipt's signature and age, with --replay its truth",
        "A file is checked without a node, unless it is to be replayed.",
        "pando receipt verify receipt.json\n"
        "pando receipt verify bafyrei... --replay --node node2\n"
        "pando exec hello.wasm '{}' --json > run.json && pando receipt verify "
        "run.json\n"),
    ROW("receipt show", NULL, NEEDS_NODE, 1, 1, "ID", run_receipt_show, space_option,
        false, "Print a receipt", NULL, "pando receipt show bafyrei... > receipt.json\n"),
    ROW("dag ls", NULL, NEEDS_NODE, 0, 0, "", run_dag_ls, ls_options, false,
        "Events of a dag space, newest first", NULL,
        "pando dag ls --limit 20\npando dag ls --kind receipt --json\n"),
    ROW("dag show", NULL, NEEDS_NODE, 1, 1, "ID", run_dag_show, space_option, false,
        "Print one event with its body", NULL, "pando dag show bafyrei...\n"),
    ROW("dag heads", NULL, NEEDS_NODE, 0, 0, "", run_dag_heads, space_option, false,
        "Events without children; equal heads mean equal dags", NULL,
        "pando dag heads\n"),
    ROW("dag stats", NULL, NEEDS_NODE, 0, 0, "", run_dag_stats, space_option, false,
        "Counts of events, heads, receipts, authors, orphans", NULL, "pando dag stats\n"),
    ROW("dag equivocations", NULL, NEEDS_NODE, 0, 0, "", run_dag_equivocations,
        space_option, false, "Proofs that an author signed two events under one number",
        NULL, "pando dag equivocations\n"),
    ROW("dag export", NULL, NEEDS_NODE, 0, 0, "", run_dag_export, export_options, false,
        "All events as a CAR v1 archive", NULL,
        "pando dag export --out events.car\npando dag export | car inspect\n"),
    ROW("peer ls", NULL, NEEDS_NODE, 0, 0, "", run_peer_ls, NULL, false,
        "Peers, the state of their links, and why it is so", NULL,
        "pando peer ls\npando peer ls --node node1 --json\n"),
    ROW("peer add", NULL, NEEDS_NODE, 1, 1, "ADDRESS", run_peer_add, NULL, false,
        "Stay linked with an address from now on, also after a restart", NULL,
        "pando peer add 127.0.0.1:9001\n"
        "pando peer add /ip4/10.0.0.7/udp/9000/quic-v1/p2p/12D3Koo...\n"),
    ROW("peer rm", NULL, NEEDS_NODE, 1, 1, "PEER|ADDRESS", run_peer_rm, NULL, false,
        "Forget a peer or an address, cut its link, and do not dial it after a restart",
        NULL, "pando peer rm 12D3Koo...\npando peer rm 127.0.0.1:9001\n"),
    ROW("peer ban", NULL, NEEDS_NODE, 1, 1, "PEER", run_peer_ban, ban_options, false,
        "Refuse a peer from now on, also after a restart", NULL,
        "pando peer ban 12D3Koo... --reason spam\n"),
    ROW("peer unban", NULL, NEEDS_NODE, 1, 1, "PEER", run_peer_unban, NULL, false,
        "Allow a peer that was banned", NULL, "pando peer unban 12D3Koo...\n"),
    ROW("peer ping", NULL, NEEDS_NODE, 1, 1, "PEER", run_peer_ping, NULL, false,
        "Measure the round trip to a linked peer", NULL, "pando peer ping 12D3Koo...\n"),
    ROW("link cut", NULL, NEEDS_NODE, 1, 1, "PEER|all", run_link_cut, NULL, false,
        "Cut the link to a peer, or all links, until healed or until the node ends", NULL,
        "pando link cut all --node node1\n"),
    ROW("link heal", NULL, NEEDS_NODE, 0, 1, "[PEER|all]", run_link_heal, NULL, false,
        "Allow links that were cut", NULL, "pando link heal all --node node1\n"),
    ROW("space ls", NULL, NEEDS_NODE, 0, 0, "", run_space_ls, NULL, false,
        "Spaces of a node", NULL, "pando space ls\n"),
    ROW("space create", NULL, NEEDS_NODE, 1, 1, "NAME", run_space_create, create_options,
        false, "Make a space and open it, also after a restart", NULL,
        "pando space create receipts --kind dag\n"
        "pando space create lab --access 12D3KooA...=admin --access 12D3KooB...=read\n"),
    ROW("space join", NULL, NEEDS_NODE, 1, 1, "NAME", run_space_join, create_options,
        false,
        "Open a space that another node made, by the same name, kind, access and settings",
        NULL, "pando space join receipts --kind dag\n"),
    ROW("space rm", NULL, NEEDS_NODE, 1, 1, "NAME", run_space_rm, NULL, false,
        "Close a space and delete its data on this node", NULL,
        "pando space rm receipts\n"),
    ROW("log create", NULL, NEEDS_NODE, 1, 1, "NAME", run_log_create, log_create_options, false,
        "Open a log space on a node: numbered rooms, one order for everybody",
        "One space is one group of members. Say how it begins: --found, --members or --join.",
        "pando log create chat --id 1 --found --node node1\n"
        "pando log create chat --id 2 --join --node node2\n"
        "pando log create ledger --id 3 --members 1,2,3 --node node3\n"),
    ROW("log append", NULL, NEEDS_NODE, 1, 1, "TEXT", run_log_append, log_append_options, false,
        "Say something in a room; answers with its number once a quorum has it on disk", NULL,
        "pando log append 'Hello' --node node1\n"
        "pando log append 'deployed' --room ops --name build-bot --json\n"),
    ROW("log read", NULL, NEEDS_NODE, 0, 0, "", run_log_read, log_read_options, false,
        "Messages of a room by their numbers", NULL,
        "pando log read --limit 20\npando log read --room ops --from 1 --json\n"
        "pando log read --linear\n"),
    ROW("log tail", NULL, NEEDS_NODE, 0, 0, "", run_log_tail, log_tail_options, false,
        "Print messages as they are delivered, until interrupted", NULL,
        "pando log tail --node node1\npando log tail --room ops --from 1 --json\n"),
    ROW("log members", NULL, NEEDS_NODE, 0, 0, "", run_log_members, log_options, false,
        "Members of the group: number, name, standing, lag, address", NULL,
        "pando log members --node node1\n"),
    ROW("log rooms", NULL, NEEDS_NODE, 0, 0, "", run_log_rooms, log_options, false,
        "Rooms and how many messages they hold", NULL, "pando log rooms\n"),
    ROW("log stat", NULL, NEEDS_NODE, 0, 0, "", run_log_stat, log_options, false,
        "Role, leader, term, quorum, entries, members", NULL,
        "pando log stat --node node1\npando log stat --json\n"),
    ROW("log transfer", NULL, NEEDS_NODE, 0, 1, "[ID]", run_log_transfer, log_options, false,
        "Let another member lead: this one, or the highest that is up to date", NULL,
        "pando log transfer 3\npando log transfer --node node1\n"),
    ROW("log leave", NULL, NEEDS_NODE, 0, 0, "", run_log_leave, log_options, false,
        "Take this node out of the group for good", NULL, "pando log leave --node node3\n"),
    ROW("log remove", NULL, NEEDS_NODE, 1, 1, "ID", run_log_remove, log_options, false,
        "Take another member out of the group for good", NULL, "pando log remove 3 --node node1\n"),
    ROW("log recover", NULL, NEEDS_NODE, 0, 0, "", run_log_recover, log_recover_options, false,
        "Begin again with the members that are left, when a majority is lost for good",
        "The way out of a lost quorum, and not a safe one: what only the lost members hold is "
        "gone. Run it on one member that is left.",
        "pando log recover --unsafe --members 1,2 --node node1\n"),
    ROW("delta create", NULL, NEEDS_NODE, 0, 1, "[JSON|@FILE|-]", run_delta_create,
        delta_create_options, false,
        "Say something: store one or more deltas; answers with their ids once they are durable",
        DELTA_POINTER_HELP,
        "pando delta create --author alice --pointer named=@prod_1:name --pointer name='Widget "
        "Pro'\n"
        "pando delta create --pointer priced=prod_1:price --pointer price:=19.99\n"
        "pando delta create '{\"pointers\":[{\"role\":\"note\",\"target\":\"hello\"}]}'\n"
        "pando delta create - < deltas.json\n"),
    ROW("delta get", NULL, NEEDS_NODE, 1, 1, "ID", run_delta_get, delta_options, false,
        "One delta, and whether and by what it is negated", NULL,
        "pando delta get 3f2c9e50-7a43-4e0f-9d3a-0b6f3c1d2e4f\n"),
    ROW("delta query", NULL, NEEDS_NODE, 0, 0, "", run_delta_query, delta_query_options, false,
        "Deltas that pass a filter, in order of time, one a line",
        "The options of a filter are joined by and; the values of one by or. A line shows time, "
        "author@system, id and the pointers as --pointer takes them.",
        "pando delta query --target prod_1\n"
        "pando delta query --author alice --since 24h --descending --limit 20\n"
        "pando delta query --at 2026-11-28T12:00:00Z --json\n"
        "pando delta query --filter '{\"targetContexts\":[\"price\"]}'\n"),
    ROW("delta negate", NULL, NEEDS_NODE, 1, 1, "ID", run_delta_negate, delta_negate_options,
        false, "Take a delta back, by another one; negate that one to restore it", NULL,
        "pando delta negate 3f2c9e50-7a43-4e0f-9d3a-0b6f3c1d2e4f --reason typo\n"),
    ROW("delta view", NULL, NEEDS_NODE, 1, 1, "OBJECT", run_delta_view, delta_view_options, false,
        "An object with one value per property, as a view resolves them",
        "Without --view: the registered view that has the id of --schema; if there is none, every "
        "property with its most recent value, which is the target of the pointer whose role is "
        "the property's name, or else of the only one that does not point at the object.",
        "pando delta view prod_1\npando delta view prod_1 --view product\n"
        "pando delta view prod_1 --schema product --view @view.json --at 24h\n"),
    ROW("delta hyperview", NULL, NEEDS_NODE, 1, 1, "OBJECT", run_delta_hyperview,
        delta_hyperview_options, false, "All that is said about an object, by property", NULL,
        "pando delta hyperview prod_1\npando delta hyperview prod_1 --schema product\n"),
    ROW("delta at", NULL, NEEDS_NODE, 2, 2, "OBJECT TIME", run_delta_at, delta_schema_options,
        false, "All that was said about an object at a time", NULL,
        "pando delta at prod_1 2026-11-28T12:00:00Z\npando delta at prod_1 24h\n"),
    ROW("delta timeline", NULL, NEEDS_NODE, 1, 1, "OBJECT", run_delta_timeline,
        delta_range_options, false, "When an object changed", NULL,
        "pando delta timeline prod_1\npando delta timeline prod_1 --since 7d\n"),
    ROW("delta replay", NULL, NEEDS_NODE, 1, 1, "OBJECT", run_delta_replay, delta_range_options,
        false, "An object at each of its changes", NULL, "pando delta replay prod_1 --limit 10\n"),
    ROW("delta changes", NULL, NEEDS_NODE, 2, 2, "OBJECT PROPERTY", run_delta_changes,
        delta_schema_options, false, "How one property of an object changed", NULL,
        "pando delta changes prod_1 price\n"),
    ROW("delta compare", NULL, NEEDS_NODE, 3, 3, "OBJECT FROM TO", run_delta_compare,
        delta_schema_options, false, "An object at two times, and what differs", NULL,
        "pando delta compare prod_1 24h now\n"),
    ROW("delta origin", NULL, NEEDS_NODE, 1, 1, "OBJECT", run_delta_origin, delta_options, false,
        "The first delta about an object", NULL, "pando delta origin prod_1\n"),
    ROW("delta watch", NULL, NEEDS_NODE, 0, 0, "", run_delta_watch, delta_watch_options, false,
        "Print deltas as they become durable, until interrupted", NULL,
        "pando delta watch\npando delta watch --target prod_1 --since 1h --json\n"),
    ROW("delta stats", NULL, NEEDS_NODE, 0, 0, "", run_delta_stats, delta_stats_options, false,
        "Counts of deltas, schemas, views", NULL, "pando delta stats\npando delta stats --at 24h\n"),
    ROW("delta hash", NULL, NEEDS_NODE, 0, 0, "", run_delta_hash, delta_options, false,
        "One hash of all deltas: equal sets have equal hashes", NULL,
        "pando delta hash --node node1\n"),
    ROW("delta schema", NULL, NEEDS_NODE, 1, 2, "ACTION [ID|JSON|@FILE]", run_delta_schema,
        delta_register_options, false,
        "Schemas and views: ls, show ID, register JSON, check, load [ID], changed ID, deltas ID, "
        "rm ID",
        "What is registered is this node's own and stays, over restarts, until 'schema rm'; said "
        "as deltas ('schema deltas' makes them) a schema travels to the others.",
        "pando delta schema ls\npando delta schema register @product.json\n"
        "pando delta schema register @view.json --view\npando delta schema deltas product\n"),
    ROW("delta import", NULL, NEEDS_NODE, 1, 1, "FILE|-", run_delta_import, delta_options, false,
        "Take in deltas, a JSON object a line, or an archive of 'delta archive'; what is known "
        "already stays as it is",
        "Lines that are no deltas are told of and left out, and then the exit code is not 0; so "
        "are blocks of an archive whose bytes do not match their CID. What was archived here is "
        "held again when it comes back from an archive, and only then.",
        "pando delta import backup.jsonl\npando delta import 2026-11.car\n"
        "pando delta export --node a | pando delta import - --node b\n"),
    ROW("delta export", NULL, NEEDS_NODE, 0, 0, "", run_delta_export, delta_export_options, false,
        "All deltas as JSON lines in order of time, negated ones included", NULL,
        "pando delta export --out backup.jsonl\npando delta export --author alice\n"),
    ROW("delta archive", NULL, NEEDS_NODE, 0, 0, "", run_delta_archive, delta_archive_options,
        false, "Move what was negated by a time into a CAR file; its room is free again",
        "The file is safe on disk before the node lets go. What was archived never comes back by "
        "a sync; 'pando delta import FILE' brings it back.",
        "pando delta archive --before 30d --out 2026-11.car\n"),
    ROW("federate", NULL, NEEDS_NODE, 1, 1, "URL", run_federate, federate_options, false,
        "Link a running node with another instance over WebSocket; print what happens until "
        "Ctrl+C",
        "Ctrl+C ends the link, too. With --detach the node keeps it, over restarts, until "
        "'pando link rm'; it takes the place of an earlier one with the same URL. Links can "
        "stand in config.yml, too (federation.links).",
        "pando federate ws://localhost:8080/federation\n"
        "pando federate wss://hub.example/federation --mode pull --from 24h --detach\n"
        "pando federate ws://10.0.0.7:8080/federation --trust-author alice --trust-author bob\n"
        "pando federate ws://10.0.0.7:8080/federation --push-filter "
        "'{\"targetContexts\":[\"public\"]}'\n"),
    ROW("link ls", NULL, NEEDS_NODE, 0, 0, "", run_link_ls, delta_options, false,
        "Federation links: state, counts, who is at the other end",
        "KEPT says who links again after a restart: node (a call asked for it), config "
        "(config.yml), no (nobody).",
        "pando link ls\npando link ls --json\n"),
    ROW("link show", NULL, NEEDS_NODE, 1, 1, "LINK", run_link_show, delta_options, false,
        "One federation link; its first letters name it", NULL, "pando link show 3f2c\n"),
    ROW("link pause", NULL, NEEDS_NODE, 1, 1, "LINK", run_link_pause, delta_options, false,
        "Hold a federation link back; nothing is lost", NULL, "pando link pause 3f2c\n"),
    ROW("link resume", NULL, NEEDS_NODE, 1, 1, "LINK", run_link_resume, delta_options, false,
        "Let a paused or failed federation link go on", NULL, "pando link resume 3f2c\n"),
    ROW("link rm", NULL, NEEDS_NODE, 1, 1, "LINK", run_link_rm, delta_options, false,
        "End a federation link", NULL, "pando link rm 3f2c\n"),
    ROW("client", NULL, NEEDS_NOTHING, 0, 0, "", run_client, client_options, false,
        "Speak in a chat through one of its nodes",
        "Line by line; /status and /quit are understood. When the node goes, the same and "
        "then the others are tried; what was not acknowledged is said again, once.",
        "pando client --host 127.0.0.1 --port 5001\n"
        "pando client --port 5002 --client-id 102 --nodes 127.0.0.1:5001,127.0.0.1:5003\n"
        "echo 'deployed' | pando client --port 5001 --room ops\n"),
    ROW("chat", NULL, NEEDS_NOTHING, 0, 0, "", run_chat, chat_options, false,
        "A peer of a chat in which everybody sees one order",
        "Every peer is a whole node. On a terminal it has a screen of its own; otherwise, and "
        "with --plain, lines come in and go out. /help lists what it understands.",
        "pando chat --id 1 --port 6001\n"
        "pando chat --id 2 --port 6002 --seed 1:127.0.0.1:6001\n"
        "echo 'deployed' | pando chat --id 9 --port 6009 --seed 1:127.0.0.1:6001\n"),
    ROW("scale-test", NULL, NEEDS_NOTHING, 0, 0, "", run_scale_test, scale_options, false,
        "Many chat peers at once, each saying its messages; compare what all have seen",
        "Starts real processes and exits 0 only if every peer that lives holds the same "
        "transcript with every message once. With --kill-leader the leader dies in the middle.",
        "pando scale-test --peers 5 --messages 20\n"
        "pando scale-test --peers 7 --messages 100 --kill-leader\n"),
    ROW("load", NULL, NEEDS_NODE, 0, 0, "", run_load, load_options, false,
        "Send messages to a log space at a steady rate; report latency and loss",
        "Latency counts from the moment at which a message was due, so a slow answer is not "
        "hidden by sending the next one later. Exits 0 only if every message was acknowledged "
        "and stands in the log once and in order.",
        "pando load --rate 100 --count 100 --node peer_1\n"
        "pando load --rate 500 --count 5000 --node peer_1 --check peer_2 --check peer_3\n"),
    ROW("log-level", NULL, NEEDS_NODE, 1, 1, "[MODULE=]LEVEL[,...]", run_log_level, NULL,
        false, "Change what a running node logs", NULL,
        "pando log-level debug\npando log-level warning,dag=debug,net=info\n"),
    ROW("key new", NULL, NEEDS_DATA, 0, 1, "[NAME]", run_key_new, NULL, false,
        "Make a key in a data folder, and the folder if need be", NULL,
        "pando key new --data ./node1_data\npando key new writer --data ./node1_data\n"),
    ROW("key show", NULL, NEEDS_DATA, 0, 1, "[NAME]", run_key_show, NULL, false,
        "Public keys and peer ids of a data folder", NULL,
        "pando key show --data ./node1_data\n"),
    ROW("backup", NULL, NEEDS_NODE, 1, 1, "FOLDER", run_backup, NULL, false,
        "Copy key, config and stores, while the node runs", NULL,
        "pando backup /backups/node1 --node node1\n"),
    ROW("restore", NULL, NEEDS_DATA, 1, 1, "FOLDER", run_restore, NULL, false,
        "Verify a backup and make a data folder of it", NULL,
        "pando restore /backups/node1 --data ./node1_data\n"),
    ROW("db verify", NULL, NEEDS_NODE, 0, 0, "", run_db_verify, NULL, false,
        "Check every checksum of a store", NULL, "pando db verify --data ./node1_data\n"),
    ROW("db reindex", NULL, NEEDS_DATA, 0, 0, "", run_db_reindex, NULL, false,
        "Fold the tables of a stopped node anew from its journals", NULL,
        "pando db reindex --data ./node1_data\n"),
    ROW("config explain", NULL, NEEDS_DATA, 0, 1, "[KEY]", run_config_explain,
        markdown_options, false,
        "What each key of config.yml means, and its value with --data", NULL,
        "pando config explain\npando config explain log\n"
        "pando config explain --data ./node1_data --json\n"),
    ROW("demo", NULL, NEEDS_NOTHING, 1, 1, "NAME", run_demo, demo_options, false,
        "Show a federation or a chat with real processes, and check each claim",
        "Starts nodes of this very binary in a folder under /tmp, speaks to their control "
        "sockets and exits 0 only if every step held. There are two-node, chat, "
        "federation-simple, hub-and-spoke, trust-policies, federation-mesh, "
        "federation-hierarchy and federation-bridge.",
        "pando demo two-node\npando demo chat\npando demo federation-simple --every 5000\n"),
    ROW("sim", NULL, NEEDS_NOTHING, 0, 0, "", run_sim, sim_options, false,
        "Run whole nodes under virtual time, network and disk",
        "Each scenario claims that nothing acknowledged is lost, that events travel fast and "
        "that nodes agree once faults have ended. A run that breaks a claim prints the line "
        "that repeats it, and the exit code is not 0.",
        "pando sim --list\npando sim --scenario crash --seed 7\n"
        "pando sim --scenario all --seeds 20\npando sim --scenario thousand\n"),
    ROW("init", NULL, NEEDS_NOTHING, 1, 1, "NAME", run_init, template_options, false,
        "Begin a capsule: source, header, Makefile", NULL,
        "pando init greeter --template hello-world\n"),
    ROW("completions", NULL, NEEDS_NOTHING, 1, 1, "bash", run_completions, NULL, false,
        "Print completions for a shell", NULL, "source <(pando completions bash)\n"),
    ROW("help", NULL, NEEDS_NOTHING, 0, 2, "[COMMAND]", run_help, markdown_options, false,
        "Help for all commands or for one", NULL,
        "pando help exec\npando help --markdown > docs/guide/commands.md\n"),
};

const size_t commands_len = sizeof commands / sizeof commands[0];

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < commands_len; i++)
        if (strcmp(commands[i].name, name) == 0 ||
            (commands[i].alias != NULL && strcmp(commands[i].alias, name) == 0))
            return &commands[i];
    return NULL;
}
