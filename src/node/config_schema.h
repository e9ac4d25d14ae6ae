/* config_schema.h - every key of config.yml, once.
 *
 * X(key, type, field, fallback, low, high, help)
 *   type      TEXT PATH PORT NUMBER BOOL ENUM(choices) LIST SPACES JSON
 *   field     of struct config
 *   fallback  as it would be written in the file
 *   low high  of a NUMBER (inclusive); least and greatest length of a TEXT; of a JSON low 0 says
 *             that it is a mapping, 1 a list
 *
 * A choice list names its values in the order of the enum, parted by `|`.
 */
#ifndef NODE_CONFIG_SCHEMA_H
#define NODE_CONFIG_SCHEMA_H

#define CONFIG_SCHEMA(X)                                                                 \
    X("name", TEXT, name, "", 0, 63,                                                     \
      "What the node calls itself in logs, status and announcements; node-PORT when "    \
      "empty")                                                                           \
    X("data", PATH, data, "", 0, 0,                                                      \
      "Folder of the key, the stores and the control socket; ./NAME_data when empty")    \
    X("network", TEXT, network, "pando", 1, 63,                                          \
      "Name of the network; nodes of different networks refuse each other")              \
    X("listen", TEXT, listen, "0.0.0.0", 1, 63,                                          \
      "Address on which QUIC listens, IPv4 or IPv6; one of each with a comma, as in "    \
      "0.0.0.0,::")                                                                      \
    X("port", PORT, port, "9000", 0, 65535,                                              \
      "UDP port of QUIC, and TCP port of HTTP unless http_port says otherwise; 0 takes " \
      "a free one")                                                                      \
    X("http_listen", TEXT, http_listen, "127.0.0.1", 1, 63,                              \
      "Address on which HTTP listens; beyond loopback, writes need the token")           \
    X("http_port", PORT, http_port, "0", 0, 65535,                                       \
      "TCP port of HTTP; 0 is the same as port")                                         \
    X("http_hosts", LIST, http_hosts, "[]", 0, 16,                                       \
      "Host names, beside localhost and addresses, by which browsers may call this "     \
      "node")                                                                            \
    X("token", TEXT, token, "", 0, 127,                                                  \
      "Bearer token for writes over HTTP from other machines; none may write when "      \
      "empty")                                                                           \
    X("lines_open", BOOL, lines_open, "no", 0, 1,                                        \
      "Take chat lines from other machines without the token")                           \
    X("tls_cert", PATH, tls_cert, "", 0, 0,                                              \
      "Certificate (PEM, with its chain) with which the HTTP port speaks TLS too, for "  \
      "https:// and wss://; none when empty")                                            \
    X("tls_key", PATH, tls_key, "", 0, 0, "The certificate's private key (PEM)")         \
    X("federation.enable_server", BOOL, federation.enable_server, "yes", 0, 1,           \
      "Take WebSocket connections for delta spaces on the HTTP port")                    \
    X("federation.port", PORT, federation.port, "0", 0, 65535,                           \
      "TCP port on which they come: another word for http_port; 0 is the same as that")  \
    X("federation.path", TEXT, federation.path, "/federation", 2, 63,                    \
      "Where they come; PATH/SPACE names a space where there are several")               \
    X("federation.max_connections", NUMBER, federation.max_connections, "1000", 1, 1024, \
      "How many of them a space takes; further ones are told to try again")              \
    X("federation.auto_broadcast", BOOL, federation.auto_broadcast, "yes", 0, 1,         \
      "Send new deltas, from wherever they came, to those who linked here")              \
    X("federation.trust_policy", JSON, federation.trust_policy, "{}", 0, 0,              \
      "Whose deltas this node takes: trustedAuthors, trustedSystems, capsule; everybody's " \
      "when empty")                                                                      \
    X("federation.links", JSON, federation.links, "[]", 1, 0,                            \
      "Instances to stay linked with, each with a url, and where wanted space, mode, "   \
      "initialSync, syncFromTimestamp, pushFilter, pullFilter, trustPolicy, reconnect")  \
    X("federation.reconnect", JSON, federation.reconnect, "{}", 0, 0,                    \
      "Of links that say nothing else: enabled, maxAttempts (0: for ever), initialDelay " \
      "and maxDelay in ms, backoffMultiplier")                                           \
    X("federation.ca", PATH, federation.ca, "", 0, 0,                                    \
      "CA certificates (PEM) to trust beside the system's when wss:// is dialled")       \
    X("federation.origins", LIST, federation.origins, "[]", 0, 16,                       \
      "Origins of web pages that may connect, as https://app.example or "                \
      "http://localhost:8000; pages of other sites are refused")                         \
    X("delta.space", TEXT, delta.space, "", 0, 63,                                       \
      "Name of a delta space to open beside those of spaces; none when empty")           \
    X("delta.storage", ENUM("durable|memory"), delta.storage, "durable", 0, 0,           \
      "memory: deltas are kept in no file and are gone when the node ends; status shows it") \
    X("delta.system_id", TEXT, delta.system_id, "", 0, 255,                              \
      "What peers and deltas made here know this instance by; the node's name when empty") \
    X("delta.author", TEXT, delta.author, "", 0, 255,                                    \
      "Author of deltas that name none; the node's name when empty")                     \
    X("delta.cache_size", NUMBER, delta.cache_size, "1000", 1, 1000000,                  \
      "Materialised views that are kept")                                                \
    X("peers", LIST, peers, "[]", 0, 64,                                                 \
      "Peers to stay linked with: IP:PORT, HOST:PORT or a multiaddr, which may end in "  \
      "/p2p/ID")                                                                         \
    X("advertise", LIST, advertise, "[]", 0, 8,                                          \
      "Addresses to tell peers, as in peers, in place of those that are bound")          \
    X("mesh", BOOL, mesh, "no", 0, 1,                                                    \
      "Link with the peers of peers too, until all are linked")                          \
    X("allow", LIST, allow, "[]", 0, 64, "Peer ids that may link; everybody when empty") \
    X("deny", LIST, deny, "[]", 0, 64, "Peer ids that may not link")                     \
    X("spaces", SPACES, spaces, "[]", 0, 16,                                             \
      "Spaces to open, each {name, kind, access, settings}; access is open or maps "     \
      "peer ids to read, write or admin; settings (a mapping, or JSON text) are this "   \
      "node's own; one dag named default when empty")                                    \
    X("chat_dir", PATH, chat_dir, "", 0, 0,                                              \
      "Folder for what log spaces delivered, MEMBER_messages.jsonl each; none when "     \
      "empty")                                                                           \
    X("durability", ENUM("fsync|none"), durability, "fsync", 0, 0,                       \
      "fsync: acknowledge what is on disk; none: what is in memory (a crash loses it, "  \
      "status shows it)")                                                                \
    X("heartbeat_s", NUMBER, heartbeat_s, "10", 1, 3600, "Seconds between heartbeats")   \
    X("sync_s", NUMBER, sync_s, "5", 1, 3600,                                            \
      "Seconds between exchanges of heads with a peer; they back off to 60 between "     \
      "equals")                                                                          \
    X("log.level", TEXT, log.level, "info", 1, 127,                                      \
      "debug, info, warning, error or critical; module=LEVEL for one module, several "   \
      "by comma")                                                                        \
    X("log.file", PATH, log.file, "", 0, 0,                                              \
      "File for the log; standard error when empty")                                     \
    X("log.rotate_mb", NUMBER, log.rotate_mb, "10", 0, 10000,                            \
      "Size at which the log file rotates, in MiB; 0 never; five old ones are kept")     \
    X("log.format", ENUM("text|json"), log.format, "text", 0, 0, "How log lines look")   \
    X("log.id", TEXT, log.id, "", 0, 63,                                                 \
      "What stands behind the module in a line; the node's name when empty")             \
    X("log.clock", ENUM("milliseconds|seconds"), log.clock, "milliseconds", 0, 0,        \
      "How fine the time of a line is")                                                  \
    X("exec.limits", ENUM("default|development|production"), exec.limits, "default", 0,  \
      0, "Limits of a capsule's run where the caller names none")                        \
    X("exec.no_store", BOOL, exec.no_store, "no", 0, 1,                                  \
      "Do not keep capsules and inputs as blobs; receipts of such runs cannot be "       \
      "replayed")

#endif
