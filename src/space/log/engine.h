/* engine.h - the insides of one log instance, shared by the files of this folder only.
 *
 *   a call (verbs.c) or a peer's FORWARD --> takes.c: messages on their way
 *        leader: gathered into one entry a turn --> raft --> disk.c: journal, cache
 *        else:   handed to the leader, kept until seen in the sequence
 *   peers (link.c): HELLO, JOIN, raft's messages <--> raft
 *   raft says COMMIT --> apply.c: rooms count out numbers --> answers, streams (streams.c)
 *   members.c: who belongs to the group, where they are, changes
 */
#ifndef SPACE_LOG_ENGINE_H
#define SPACE_LOG_ENGINE_H

#include "base/buf.h"
#include "base/map.h"
#include "base/rng.h"
#include "codec/json.h"
#include "space/effects.h"
#include "space/log/batch.h"
#include "space/log/log.h"
#include "space/log/raft.h"
#include "space/log/rooms.h"
#include "space/log/wire.h"
#include "store/journal.h"

#define LOG_PEERS_MAX     256
#define LOG_TAKES_MAX     65536        /* messages of calls that are not answered */
#define LOG_TAKES_BYTES   (64u << 20)  /* of them */
#define LOG_INBOX_BYTES   (32u << 20)  /* handed over by peers, waiting for the leader */
#define LOG_CACHE_BYTES   (8u << 20)   /* entries kept in memory behind the last */
#define LOG_STREAMS_MAX   1024
#define LOG_READ_BYTES    (1u << 20)   /* of one answer's messages */
#define LOG_TIMEOUT       PANDO_SEC(10)
#define LOG_NOBODY        UINT64_MAX   /* a token: no answer is owed */

struct log_options {
    uint64_t id;
    bool found, has_members, demote;
    uint64_t keep_bytes; /* of entries, before the oldest are forgotten */
    struct raft_members members;
    char name[BATCH_NAME_MAX + 1];
    struct pando_span heartbeat, election, demote_after;
};

#define LOG_INCOMING_CONFIGS 8 /* of one message; what is behind comes again */
struct incoming;
struct log_inbox;
struct log_snapshot;

struct log_held {
    struct bytes *message;
    struct pando_slice entries;
    uint64_t token; /* raft's */
};

struct log_group {
    uint8_t bytes[16];
};

/* A peer with a link. */
struct log_peer {
    uint32_t handle;
    struct peer_id id;
    int64_t credit[LOG_CHANNELS];
    bool hello;         /* its HELLO came */
    bool known;         /* ours came there */
    bool mending;       /* it says that it counts for nothing */
    bool empty;         /* it said, in our time, that it has no entry, */
    uint64_t term;      /* and its term then */
    struct pando_time hello_at; /* send it again */
    uint64_t member;    /* the number it claims, 0 none */
    struct log_group group;
    char name[BATCH_NAME_MAX + 1];
    char address[BATCH_ADDRESS_MAX + 1];
    bool refused_said;
    struct pando_time heard; /* its last message, or its coming */
};

/* What the group's membership was from an entry on; the last one is in force. */
struct log_config_at {
    uint64_t index;
    struct batch_members members;
};
#define LOG_CONFIGS_MAX 8

/* A record that waits for the journal, or for the disk. */
struct log_write {
    uint64_t write;    /* raft's number; 0: none waits for it */
    uint64_t position; /* in the journal, once appended */
    uint64_t index;    /* of an entry; 0 */
    uint8_t record;
    struct bytes *bytes; /* until appended */
};

/* An entry's place. */
struct log_place {
    uint64_t position;
};

enum log_take_state {
    LOG_TAKE_NEW,  /* nobody was given it: may still be withdrawn */
    LOG_TAKE_SENT, /* the leader may have it */
};

/* Messages of one call, on their way into the sequence. */
struct log_take {
    uint64_t token;
    enum log_take_state state;
    bool own;  /* of our own session: numbered when it is sent */
    bool many; /* append_many: answer with a list */
    bool raw;  /* append_batch: answer with bytes */
    uint64_t client, counter; /* of the first message */
    uint32_t count, done;
    uint64_t *seqs;
    bool full; /* its room could not be made */
    struct pando_time due;
    struct bytes *messages; /* encoded */
    char room[LOG_ROOM_MAX + 1];
    struct log_take *prev, *next;
};

struct log_stream {
    uint64_t token;
    bool roles; /* tell of roles and members, too */
    bool all;
    char room[LOG_ROOM_MAX + 1];
    uint64_t index; /* next entry to look at */
    uint64_t from;  /* numbers below are not shown; of `room` */
};

struct log_read {
    bool used;
    bool remote;    /* another member asked: tell it the index */
    bool asked;     /* raft or the leader has the question */
    uint32_t peer;  /* ... its handle */
    uint64_t token; /* of the call, or the member's number for it */
    struct pando_time due;
    uint64_t id;    /* raft's token */
    uint64_t index; /* wait until applied; UINT64_MAX: raft has not answered */
    char room[LOG_ROOM_MAX + 1];
    uint64_t from;
    bool has_from;
    uint32_t limit;
};
#define LOG_READS_MAX 256

/* A membership change that a caller waits for. */
struct log_change {
    bool used;
    uint64_t token;
    uint64_t index;
    const char *answer;
};
#define LOG_CHANGES_MAX 16

/* What the sequence amounts to up to an entry: the state in force was like this once. */
struct log_mark {
    uint64_t index, term;
    struct bytes *config; /* the record of the last CONFIG until then; NULL: as the base's */
    struct bytes *rooms;  /* rooms_save */
};
#define LOG_MARKS_MAX 16

/* What the disk may have lost. docs/decisions/0008-repair.md */
enum log_mend_why {
    LOG_MEND_DAMAGED, /* the journal was cut in front of damage */
    LOG_MEND_RESTORED,
    LOG_MEND_WIPED,  /* nothing on disk, and others know of a history */
    LOG_MEND_JOINS,  /* nothing on disk, as with every joiner */
    LOG_MEND_BROKEN, /* damage at run time */
};
struct log_mend {
    uint64_t epoch, repairs; /* of the journal, that are answered for */
    uint64_t number;         /* of the mend under way; 0: none */
    enum log_mend_why why;
};

struct log_totals {
    uint64_t entries, messages, again, gaps, unknown, proposed, forwarded, received;
    uint64_t held, reads, dropped_sends, malformed;
    uint64_t snapshots, installed, mended;
};

struct log {
    struct space_host host;
    struct log_options options;
    struct rng rng;
    struct pando_time now;
    bool begun, stopping, store_failed, left;
    enum pando_status store_sick; /* why nothing gets to the disk lately; PANDO_OK: it does */
    struct raft *raft;
    struct rooms rooms;

    struct space_effects effects;

    /* disk.c */
    struct log_write *writes; /* in order: to append, then to become durable */
    size_t writes_head, writes_appended, writes_len, writes_cap;
    struct log_place *places; /* of entries first_index ... */
    size_t places_len, places_cap;
    uint64_t first_index;
    struct bytes **cache; /* a ring: entry i at i % cap */
    size_t cache_cap, cache_bytes;
    uint64_t cache_first, cache_end; /* entries [first, end) are in it */
    uint64_t commit_written, durable;
    bool damaged; /* an entry cannot be read back; the next one waits */
    struct log_mend mend;
    bool blank;      /* static, nothing was on disk, and nothing was said since */
    uint64_t broken; /* an entry found damaged at run time; 0: none */
    bool given_up;   /* ... and the node was asked to open the space anew */
    struct pando_time reopen_at; /* not before */
    uint64_t behind;             /* opened again: callers have seen more, until this is applied */
    struct pando_time commit_at; /* write the commit index by then */

    /* drive.c */
    struct incoming *incoming, *incoming_room;
    struct pando_slice incoming_entries;
    struct log_held held[RAFT_HELD_MAX];

    /* members.c */
    struct log_group group;
    bool grouped;
    struct log_config_at configs[LOG_CONFIGS_MAX];
    size_t configs_len;
    char address[BATCH_ADDRESS_MAX + 1]; /* of this node */
    struct pando_time join_at, policy_at;
    struct pando_time dial_at; /* while nobody leads: dial the members again */
    struct log_change changes[LOG_CHANGES_MAX];
    bool leaving;
    uint64_t leave_token;
    struct pando_time leave_due, leave_again;

    struct log_peer peers[LOG_PEERS_MAX];
    size_t peers_len;

    /* takes.c */
    struct log_take *takes_first, *takes_last;
    size_t takes_len, takes_bytes;
    size_t takes_foreign;         /* of sessions that are not ours */
    struct log_take *takes_next;  /* the first one that is not handed over in this term */
    uint64_t session, session_next; /* our own: client and next counter */
    struct pando_buf batch;         /* messages of the entry under construction */
    uint32_t batch_count;
    struct log_inbox *inbox_first, *inbox_last;
    size_t inbox_bytes;
    struct pando_time takes_due;

    /* roles, as raft said last */
    enum raft_role role;
    uint64_t term, leader;
    struct pando_time leaderless_since;
    bool catch_up_said;

    /* compact.c: the state before first_index, and how it moves on */
    uint64_t base_index, base_term;
    struct batch_members base_members;
    struct bytes *base_rooms; /* NULL: nothing came before the first entry */
    struct log_mark marks[LOG_MARKS_MAX]; /* behind the base, oldest first */
    size_t marks_len;
    uint64_t unmarked;            /* bytes applied since the last mark */
    struct bytes *applied_config; /* the record of the last CONFIG that was applied */
    uint64_t compact_to; /* the base stands just before this entry, which the disk does not
                          * know yet; 0: it does */
    bool snapshotting;
    struct pando_time compact_at;
    struct pando_buf incoming_snapshot;
    struct log_piece installing; /* what it is; index 0: none */
    bool install_writing; /* ... until it is in force */
    bool install_written;
    uint64_t install_position;

    uint64_t commit;
    struct log_stream *streams;
    size_t streams_len, streams_cap;
    struct log_read reads[LOG_READS_MAX];
    size_t reads_len;
    uint64_t read_ids;
    bool more_work;
    struct log_totals totals;
};

/* effects.c */
void log_emit(struct log *l, const struct space_effect *effect);
void log_reply(struct log *l, uint64_t token, enum pando_status status, struct pando_slice text,
               bool more);
/* {"error": text} with this status. */
void log_fail(struct log *l, uint64_t token, enum pando_status status, const char *format, ...)
    PANDO_PRINTF(4, 5);
/* Send within the credit; false when there is too little of it, nothing was sent then. */
bool log_send(struct log *l, struct log_peer *p, uint8_t channel, struct bytes *message);
struct log_peer *log_peer(struct log *l, uint32_t handle);
struct log_peer *log_peer_of(struct log *l, uint64_t member);
/* Whether a member is there: linked, and where it has to say something, not silent. */
bool log_reaches(struct log *l, uint64_t member);
void log_count_voters(struct log *l, uint32_t *ret_voters, uint32_t *ret_reachable);

/* disk.c */
enum pando_status log_load(struct log *l, struct pando_err *reterr);
void log_write_put(struct log *l, uint64_t write, uint8_t record, uint64_t index,
                   struct bytes *bytes);
void log_write_run(struct log *l);
void log_durable(struct log *l, uint64_t position);
void log_store_fail(struct log *l, enum pando_status why);
void log_truncate(struct log *l, uint64_t from);
void log_cache_clear(struct log *l);
void log_cache_put(struct log *l, uint64_t index, struct bytes *record);
/* An entry's whole record; a reference. NULL: not kept, or damaged on disk. */
struct bytes *log_entry(struct log *l, uint64_t index);
void log_disk_deinit(struct log *l);
void log_commit_note(struct log *l, bool now);
void log_identity_write(struct log *l);

/* mend.c */
bool log_mend_load(struct log *l, struct pando_slice record);
/* At open, when all is loaded; `anything`: the disk knew of a group. PANDO_CORRUPT. */
enum pando_status log_mend_open(struct log *l, bool anything, struct pando_err *reterr);
void log_mend_tell(struct log *l);
void log_mend_joined(struct log *l);
void log_mend_met(struct log *l, const struct log_peer *p, bool blank);
bool log_is_empty(const struct log *l);
/* A HELLO came: if nobody has anything, nothing can be missing here. */
void log_mend_settle(struct log *l);
void log_mend_broken(struct log *l, uint64_t index);
/* Opened again and not repaired yet: what is applied here may end before what was shown. */
bool log_is_behind(const struct log *l);
/* Ask for the space to be opened anew when an entry is damaged and it is time. */
void log_mend_run(struct log *l);
void log_mended(struct log *l, uint64_t index);
bool log_mends(const struct log *l);
void log_mend_why(struct log *l, char *text, size_t cap);

/* drive.c: raft and what it asks for */
void log_drive(struct log *l);
/* A RAFT message, its kind at `offset` - 1. False: malformed. */
bool log_receive(struct log *l, struct log_peer *p, struct bytes *message, size_t offset);
/* The same for RAFT_DATA whose bytes lie in two pieces. */
void log_propose_data(struct log *l, uint64_t index, uint64_t term, struct pando_slice head,
                      struct pando_slice messages);
void log_propose_put(struct log *l, uint64_t index, uint64_t term, enum raft_kind kind,
                     struct pando_slice bytes);
void log_held_drop(struct log *l);
void log_write_truncate(struct log *l, uint64_t write, uint64_t from);

/* role.c */
void log_role(struct log *l, const struct raft_effect *e);
const char *log_role_name(const struct log *l);
void log_raft_input(struct log *l, const struct raft_input *in);

/* link.c */
void log_peer_up(struct log *l, uint32_t handle, const struct peer_id *id);
void log_peer_down(struct log *l, uint32_t handle);
void log_message(struct log *l, const struct space_input *in);
void log_links_tick(struct log *l);
struct pando_time log_links_deadline(const struct log *l);
void log_hello_send(struct log *l, struct log_peer *p, enum log_wire_kind kind);

/* members.c */
struct batch_members *log_members(struct log *l);
void log_config_push(struct log *l, uint64_t index, const struct batch_members *m);
/* A snapshot's membership, where no entry of ours says a later one. */
void log_config_install(struct log *l, uint64_t index, const struct batch_members *m);
void log_config_cut(struct log *l, uint64_t from);
void log_members_tick(struct log *l);
void log_members_lead(struct log *l);
enum pando_status log_members_set(struct log *l, const struct batch_members *m, uint64_t *ret_index);
void log_join_asked(struct log *l, struct log_peer *p, const struct log_hello *h);
void log_join_answered(struct log *l, struct log_peer *p, const struct log_join_ack *a);
const char *log_name(struct log *l, uint64_t id, char *scratch, size_t cap);
bool log_is_member(const struct log *l);
void log_dial_members(struct log *l);
struct pando_time log_members_deadline(const struct log *l);

/* changes.c */
void log_leave_asked(struct log *l, struct log_peer *p, uint64_t id);
void log_change_wait(struct log *l, uint64_t token, uint64_t index, const char *answer);
void log_changes_check(struct log *l);
void log_changes_fail(struct log *l);
void log_remove(struct log *l, uint64_t token, uint64_t id);
void log_leave_tick(struct log *l);
void log_leave_fail(struct log *l);
void log_transfer(struct log *l, uint64_t token, uint64_t to);
void log_recover(struct log *l, uint64_t token, const struct raft_members *keep);

/* takes.c; a take given to log_take_call is its property */
void log_take_call(struct log *l, struct log_take *t);
void log_take_free(struct log_take *t);
void log_takes_run(struct log *l);
void log_takes_reset(struct log *l);
void log_takes_jumped(struct log *l);
void log_takes_peer_up(struct log *l, const struct log_peer *p);
void log_takes_tick(struct log *l);
void log_takes_seen(struct log *l, const struct batch_message *m, enum rooms_verdict verdict,
                    uint64_t seq);
/* Messages that a member hands over, behind the first byte. `*ret_kept`: they wait here. */
enum pando_status log_forwarded(struct log *l, struct log_peer *p, struct bytes *message,
                                bool *ret_kept);
void log_inbox_drop(struct log *l);
void log_inbox_drop_peer(struct log *l, uint32_t handle);
bool log_batch_flush(struct log *l);
void log_takes_fail(struct log *l); /* what is known of each call is said */
void log_takes_deinit(struct log *l);

/* append_batch.c */
void log_append_batch(struct log *l, uint64_t token, struct pando_slice messages);
void log_batch_answer(struct log *l, const struct log_take *t);
extern const char *const log_raw_verbs[];

/* apply.c */
void log_apply(struct log *l);

/* compact.c */
void log_compact(struct log *l);
/* An entry was applied. */
void log_mark_after(struct log *l, const struct raft_entry *e, struct bytes *record);
/* A snapshot's base comes in place of ours; takes over `rooms`. */
void log_base_set(struct log *l, const struct log_snapshot *snap, struct bytes *rooms);
void log_base_deinit(struct log *l);
void log_compact_done(struct log *l, enum pando_status status);
/* install.c */
void log_snapshot_wanted(struct log *l, uint64_t member);
enum pando_status log_piece_come(struct log *l, struct log_peer *p, struct pando_slice s);
void log_install_run(struct log *l);
void log_installed(struct log *l, enum pando_status status);
/* snapshot.c */
enum pando_status log_snapshot_put(struct log *l, struct pando_buf *b);
/* The part that is a member's own; it begins LOG_SNAPSHOT_OWN bytes behind the start. */
void log_snapshot_put_own(struct log *l, struct wire_writer *w);
#define LOG_SNAPSHOT_OWN      17
#define LOG_SNAPSHOT_OWN_SIZE 50
/* What a snapshot says besides the rooms, which go into `rooms`. */
struct log_snapshot {
    uint64_t index, term;
    uint64_t member, vote_term, vote; /* of whose disk it was on */
    bool left;
    bool old; /* of the first version, whose own part was shorter */
    struct log_mend mend;
    struct log_group group;
    struct batch_members members;
    struct pando_slice rooms; /* their bytes */
};
enum pando_status log_snapshot_get(struct pando_slice s, struct log_snapshot *ret,
                                   struct rooms *rooms);

/* streams.c */
void log_streams_run(struct log *l);
void log_streams_tell(struct log *l, struct pando_slice json);
bool log_stream_cancel(struct log *l, uint64_t token);
void log_streams_end(struct log *l, const char *why);
enum pando_status log_stream_open(struct log *l, const struct log_stream *s);
enum pando_status log_put_id(struct pando_buf *b, const struct batch_id *id);
/* Append {"seq":..} of message `ordinal` of an entry. */
enum pando_status log_put_message(struct pando_buf *b, uint64_t seq, uint64_t term,
                                  int64_t time_ms, const struct batch_message *m);
/* PANDO_UNAVAILABLE: the first of them cannot be read from the disk. */
enum pando_status log_read_room(struct log *l, const struct rooms_room *room, uint64_t from,
                                uint32_t limit, struct pando_buf *b, uint64_t *ret_last);

/* reads.c */
void log_read_now(struct log *l, const struct log_read *r); /* verbs.c */
void log_read_linear(struct log *l, const struct log_read *r);
void log_read_confirmed(struct log *l, uint64_t id, uint64_t index);
enum pando_status log_read_asked(struct log *l, struct log_peer *p, struct pando_slice s);
enum pando_status log_read_told(struct log *l, struct log_peer *p, struct pando_slice s);
struct pando_time log_reads_deadline(const struct log *l);
void log_read_run(struct log *l);
void log_reads_reset(struct log *l); /* who was asked will not answer */
void log_reads_peer_up(struct log *l, const struct log_peer *p);
void log_read_failed(struct log *l, struct log_read *r);
void log_reads_fail(struct log *l);

/* verbs.c, report.c */
void log_take_answer(struct log *l, const struct log_take *t);
void log_loaded(struct log *l);
extern const char *const log_verbs[];
void log_call(struct log *l, const struct space_input *in);
enum pando_status log_report_status(struct log *l, struct pando_buf *b);
enum pando_status log_report_members(struct log *l, struct pando_buf *b);
enum pando_status log_report_rooms(struct log *l, struct pando_buf *b);
/* Why nothing can be taken now, as text for people; empty when it can. */
void log_no_quorum(struct log *l, char *text, size_t cap);
size_t log_metrics(const void *instance, struct space_metric *ret, size_t cap);
size_t log_status(const void *instance, char *ret_text, size_t cap);

/* options.c */
enum pando_status log_options_load(struct pando_slice json, struct log_options *ret,
                                   struct pando_err *reterr);

#endif
