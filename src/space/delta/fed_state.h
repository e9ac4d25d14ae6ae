/* fed_state.h - what the federation engine remembers, and who of its files does what.
 *
 *     fed.c         steps, the table of links      fed_link.c    pipes, pauses, retries, timers
 *     fed_client.c  links that we dialled          fed_server.c  links that dialled us
 *     fed_take.c    deltas that come               fed_ack.c     what is answered, when durable
 *     fed_judge.c   deltas that a capsule judges   fed_sync.c    an initial sync that we serve
 *     fed_send.c    deltas that go                 fed_window.c  which of them are not acked
 *     fed_events.c  effects                        fed_links.c   links as JSON
 *
 * Flow. A message waits in the link's inbox until it can be handled: while staging is BUSY, while
 * too much is undurable or being judged, or while the peer does not read our answers, nothing is
 * read and nothing DIGESTED, so that the peer's own pipe stops. Deltas go out while less than
 * FED_DATA_CREDIT is on its way, answers while less than FED_CREDIT is: two engines that fill each
 * other's pipes can always still answer, for an answer is shorter than what it answers.
 *
 * Deltas that go are never queued: a link has a cursor in the space's order of arrival, and reads
 * on from there whenever it may send. While it keeps up, FED_NEW saves the reading.
 */
#ifndef SPACE_DELTA_FED_STATE_H
#define SPACE_DELTA_FED_STATE_H

#include "space/delta/fed.h"
#include "space/delta/fed_wire.h"

#include "base/heap.h"
#include "base/map.h"

#define FED_CREDIT      (1u << 20)   /* bytes on their way to a peer */
#define FED_DATA_CREDIT (512u << 10) /* of them deltas and batches begin below this */
#define FED_BATCH_BYTES (192u << 10) /* a batch ends early here */
#define FED_BATCH_MAX   1000         /* deltas of a batch that is taken */
#define FED_INBOX_MAX   16384        /* messages of one link that wait */
#define FED_ACKS_MAX    8192         /* deltas of one link that are not answered yet */
#define FED_WINDOW_MAX  4096         /* deltas that went over one link and are not acked */
#define FED_RUNS_MAX    64
#define FED_JUDGES_MAX  256 /* deltas at the capsules, of all links */
#define FED_FAULTS_MAX  16  /* messages that make no sense, then the pipe is closed */
#define FED_READS_MAX   2048 /* deltas that one link reads in one go */

#define FED_HELLO_AFTER PANDO_SEC(10)
#define FED_PING_EVERY  PANDO_SEC(30)
#define FED_STALL_AFTER PANDO_SEC(60)
#define FED_DEAF_AFTER  PANDO_SEC(10)
#define FED_AGAIN_AFTER PANDO_MSEC(1)
#define FED_BUSY_AFTER  PANDO_MSEC(100)

#define FED_UNTRUSTED "Failed trust policy verification"

enum fed_close {
    FED_CLOSE_NORMAL = 1000,
    FED_CLOSE_AWAY = 1001,
    FED_CLOSE_PROTOCOL = 1002,
    FED_CLOSE_DATA = 1007,
    FED_CLOSE_POLICY = 1008,
    FED_CLOSE_BIG = 1009,
    FED_CLOSE_INTERNAL = 1011,
};

/* A delta that is owed an answer, in order of arrival. */
enum fed_ack_state { FED_ACK_WAITS, FED_ACK_JUDGING, FED_ACK_REFUSED };
struct fed_ack {
    enum fed_ack_state state;
    bool answer;    /* a message is owed; else only an event */
    bool is_new;    /* it brought something */
    bool sync_ends; /* no delta: the end of a sync */
    uint64_t ticket;
    uint64_t processed;
    uint8_t *text; /* id, then reason */
    uint32_t id_len, reason_len;
};

struct fed_acks {
    struct fed_ack *ring;
    uint32_t head, len, cap;
    uint64_t first; /* sequence number of the head */
};

struct fed_inbox {
    struct bytes **ring;
    uint32_t head, len, cap;
};

/* A delta that went out, until it is acked. */
struct fed_sent {
    uint64_t behind; /* where to read on to meet it again */
    struct delta_hash name;
    bool done;
};

struct fed_window {
    struct fed_sent *ring;
    uint32_t head, len, cap;
    bool deaf;       /* the peer acks nothing: what goes is not noted any more */
    uint64_t frozen; /* then: the place to go back to */
    struct pando_time full_at; /* when it filled up; NEVER: it is not full */
};

/* Places that came from this very link, one after another. */
struct fed_run {
    uint64_t first, last;
};

/* An initial sync that a client asked for. */
struct fed_serve {
    bool active, started;
    struct filter filter;
    struct delta_place place;
    struct pando_buf batch;
    uint32_t len;
    uint64_t number, processed;
};

/* fed_limits.c: what this instance allows on an inbound link. */
struct fed_limits {
    bool set;
    enum fed_mode mode;
    struct filter push, pull;
    uint64_t since; /* the cursor when they came: what lies behind may have been held back */
};

struct fed_link {
    uint32_t handle;
    uint32_t origin; /* of what comes from it: another one with each run of the other end */
    bool inbound, dying, touched;
    enum fed_keeper keeper;
    char id[FED_ID_TEXT];
    struct pando_buf url, remote_system, last_error;
    struct pando_buf session; /* of the server that was greeted last */
    struct fed_link_config config;
    struct fed_limits limits;
    struct fed_stats stats;

    bool piped, dialling, greeted, final; /* final: no further attempt */
    bool failed;                          /* it rests in an error */
    bool resumes;                         /* the server goes on after a pause by itself */
    bool paused_here, paused_there;
    uint32_t pipe, faults, attempts;
    uint64_t in_flight, digested;
    int64_t first_seen; /* the server's clock when it first greeted us; 0 never */

    struct fed_inbox inbox;
    struct fed_message half; /* the inbox's head, when it is decoded */
    bool has_half;
    size_t half_at; /* deltas of a batch that are done */
    struct fed_acks acks;
    uint64_t last_ticket;
    uint32_t judging;
    bool asked, receiving; /* a sync of ours */
    bool ask_again;        /* when the peer has taken a new configuration */
    uint64_t processed;

    struct fed_serve serve;
    uint64_t cursor;       /* considered up to here, in the order of arrival */
    uint64_t backlog_end;  /* what was here before the link: from_timestamp counts up to here */
    bool lagging;          /* there may be deltas behind the cursor to be read */
    bool run_open;
    struct fed_window window;
    struct fed_run runs[FED_RUNS_MAX];
    uint32_t runs_head, runs_len;

    bool heard; /* since the last ping */
    struct pando_time hello_at, ping_at, stall_at, retry_at, again_at, armed;
};

/* A delta at a capsule. */
struct fed_judge {
    bool used, accepted;
    uint8_t round; /* 0 the node's capsule, 1 the link's */
    uint32_t link;
    uint64_t token, sequence;
    struct pando_buf bytes; /* canonical */
};

struct fed_out {
    struct fed_effect effect;
    char *text;
};

struct fed {
    struct fed_config config;
    struct pando_buf system_id;
    char session[FED_ID_TEXT]; /* of this run: peers that know another one push all again */
    struct fed_host host;
    struct pando_time now;
    struct fed_link **links; /* by index: the lower bits of a handle */
    uint32_t links_len, links_cap, inbound_len;
    uint32_t generation;
    struct map pipes; /* pipe -> handle */
    struct heap timers;
    uint32_t *touched; /* a ring of indexes; each link is in it once at most */
    uint32_t touched_head, touched_len;
    uint64_t durable, tokens;
    struct fed_judge judges[FED_JUDGES_MAX];
    uint32_t judges_len;
    bool listening;
    struct fed_totals gone; /* of links that are no more */
    struct fed_out *outs;
    size_t outs_head, outs_len, outs_cap;
    char *spoken; /* the text of the effect that was polled last */
    struct delta_room room;
    struct pando_buf scratch; /* canonical bytes of one delta */
    struct pando_buf out;     /* a message that is being written */
    struct bytes *frame;      /* the delta that goes to many links */
};

/* --- fed.c ---------------------------------------------------------------------------- */
enum pando_status fed_link_new(struct fed *f, bool inbound, struct fed_link **ret) PANDO_MUST_USE;
/* What came until now did not come from the run that is at the other end from now on. */
void fed_link_renew_origin(struct fed *f, struct fed_link *l);
struct fed_link *fed_link_of(const struct fed *f, uint32_t handle);
struct fed_link *fed_link_named(const struct fed *f, struct pando_slice id);
/* Look at it again at the end of this step. */
void fed_touch(struct fed *f, struct fed_link *l);
/* fed_links.c: what the link counted is added. */
void fed_totals_add(struct fed_totals *t, const struct fed_link *l);
void fed_settle(struct fed *f);
int64_t fed_wall(const struct fed *f);
void fed_pipe_map(struct fed *f, struct fed_link *l, uint32_t pipe);
void fed_pipe_unmap(struct fed *f, const struct fed_link *l);
enum pando_status fed_text_set(struct pando_buf *b, struct pando_slice text);

/* --- fed_events.c --------------------------------------------------------------------- */
/* A whole message; takes the reference. */
void fed_send_bytes(struct fed *f, struct fed_link *l, struct bytes *message);
/* What lies in f->out, which is reset; `st` tells whether it could be written. */
void fed_send_out(struct fed *f, struct fed_link *l, enum pando_status st);
void fed_emit_close(struct fed *f, uint32_t pipe, unsigned code, const char *reason);
void fed_emit_dial(struct fed *f, const struct fed_link *l);
void fed_emit_digested(struct fed *f, struct fed_link *l);
bool fed_emit_judge(struct fed *f, uint64_t token, struct pando_slice capsule,
                    struct bytes *delta);
void fed_happened(struct fed *f, const struct fed_link *l, enum fed_event_kind kind,
                  struct pando_slice text);
void fed_delta_happened(struct fed *f, const struct fed_link *l, enum fed_event_kind kind,
                        struct pando_slice delta_id, struct pando_slice reason);
void fed_sync_happened(struct fed *f, const struct fed_link *l, enum fed_event_kind kind,
                       uint64_t processed);

/* --- fed_link.c ----------------------------------------------------------------------- */
enum fed_status fed_link_status(const struct fed_link *l);
void fed_link_open(struct fed *f, struct fed_link *l, uint32_t pipe);
/* Close the pipe, saying why; the link goes on as fed_link_lost says. */
void fed_link_close(struct fed *f, struct fed_link *l, unsigned code, const char *reason);
/* The pipe is gone: an inbound link ends, another one tries again or rests. */
void fed_link_lost(struct fed *f, struct fed_link *l, const char *reason);
void fed_link_greeted(struct fed *f, struct fed_link *l);
/* Answer a message that makes no sense; too many of them close the pipe. */
void fed_link_fault(struct fed *f, struct fed_link *l, const char *code, const char *text);
void fed_link_error(struct fed *f, struct fed_link *l, const char *text);
void fed_link_credit(struct fed *f, struct fed_link *l, uint64_t bytes);
void fed_link_tick(struct fed *f, struct fed_link *l);
void fed_link_arm(struct fed *f, struct fed_link *l);
void fed_link_deinit(struct fed_link *l);
void fed_link_again(struct fed *f, struct fed_link *l, struct pando_span after);

/* --- fed_take.c ----------------------------------------------------------------------- */
enum fed_progress { FED_DONE, FED_WAIT };
void fed_take_text(struct fed *f, struct fed_link *l, struct bytes *text);
void fed_take_inbox(struct fed *f, struct fed_link *l);
void fed_take_forget(struct fed_link *l);
/* Stage what passed every check. `sequence`: of its ack; `*ret_failed`: the link was closed. */
enum fed_progress fed_take_stage(struct fed *f, struct fed_link *l, const struct delta *d,
                                 struct fed_ack *ack);

/* --- fed_roles: fed_server.c, fed_client.c -------------------------------------------- */
void fed_server_open(struct fed *f, uint32_t pipe, struct pando_slice remote);
void fed_server_hello(struct fed *f, struct fed_link *l, const struct fed_message *m);
void fed_server_sync(struct fed *f, struct fed_link *l, const struct fed_message *m);
void fed_client_dial(struct fed *f, struct fed_link *l);
void fed_client_open(struct fed *f, uint32_t handle, uint32_t pipe);
void fed_client_hello_ack(struct fed *f, struct fed_link *l, const struct fed_message *m);
void fed_client_ask(struct fed *f, struct fed_link *l);
void fed_client_sync_start(struct fed *f, struct fed_link *l);
void fed_client_sync_complete(struct fed *f, struct fed_link *l);
/* Whether they let different deltas pass; when in doubt, they do. */
bool fed_filters_differ(const struct filter *a, const struct filter *b);

/* --- fed_ack.c ------------------------------------------------------------------------ */
/* A new last one; NULL when memory is out. Valid until the next. */
struct fed_ack *fed_ack_add(struct fed_link *l, struct pando_slice id);
/* Forget the last one: it comes again. */
void fed_ack_undo(struct fed_link *l);
struct fed_ack *fed_ack_at(struct fed_link *l, uint64_t sequence);
void fed_ack_refuse(struct fed_link *l, struct fed_ack *a, const char *reason);
void fed_ack_flush(struct fed *f, struct fed_link *l);
void fed_ack_forget(struct fed_link *l);

/* --- fed_judge.c ---------------------------------------------------------------------- */
bool fed_judge_needed(const struct fed *f, const struct fed_link *l);
enum fed_progress fed_judge_begin(struct fed *f, struct fed_link *l, const struct delta *d,
                                  bool answer);
void fed_judge_end(struct fed *f, uint64_t token, enum pando_status verdict);
/* Stage those of the link that were accepted while staging was busy. */
void fed_judge_stage(struct fed *f, struct fed_link *l);
void fed_judge_forget(struct fed *f, const struct fed_link *l);

/* --- fed_sync.c ----------------------------------------------------------------------- */
enum pando_status fed_serve_begin(struct fed *f, struct fed_link *l, const struct filter *filter,
                                  int64_t from) PANDO_MUST_USE;
void fed_serve_step(struct fed *f, struct fed_link *l);
void fed_serve_end(struct fed_link *l);

/* --- fed_send.c, fed_window.c --------------------------------------------------------- */
void fed_send_new(struct fed *f, const struct fed_input *in);
void fed_send_pump(struct fed *f, struct fed_link *l);
/* Whether `len` bytes of deltas may go now. */
bool fed_send_may(const struct fed_link *l, size_t len);
void fed_window_acked(struct fed_link *l, struct pando_slice delta_id);
bool fed_window_add(struct fed_link *l, uint64_t behind, const struct delta_hash *name);
bool fed_window_room(struct fed *f, struct fed_link *l);
/* Everything up to here was acked, or did not have to go. */
uint64_t fed_window_floor(const struct fed_link *l);
void fed_window_reset(struct fed_link *l);
void fed_run_note(struct fed_link *l, uint64_t place);
bool fed_run_has(const struct fed_link *l, uint64_t place);
void fed_run_drop(struct fed_link *l, uint64_t floor);

/* fed_limits.c */
void fed_limits_init(struct fed_limits *m);
void fed_limits_deinit(struct fed_limits *m);
/* Whether this delta may be sent on the link, as far as they say. */
bool fed_limits_let_go(const struct fed_link *l, const struct delta *d);
/* Why a delta that came must not be taken; NULL: they allow it. */
const char *fed_limits_bar(const struct fed_link *l, const struct delta *d);
/* Others, mode, filters and policy of `config`, whose parts are exchanged for the old ones. */
void fed_limits_change(struct fed *f, struct fed_link *l, struct fed_link_config *config);
/* Append them as an object, {} when there are none; as a member of the link's JSON, if there are. */
enum pando_status fed_limits_to_json(const struct fed_link *l, struct pando_buf *b) PANDO_MUST_USE;
enum pando_status fed_limits_print(const struct fed_link *l, struct pando_buf *b) PANDO_MUST_USE;

#endif
