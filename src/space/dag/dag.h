/* dag.h - spaces of the kind "dag": keep every signed event, order them by ancestry.
 *
 * Nothing is agreed on: an event that is well formed, rightly signed and whose parents
 * are here is kept for ever, and two nodes with the same heads hold the same set. New
 * events travel by gossip; whoever was away catches up by vectors (what I have of each
 * author) and fetches single ancestors by id where a fork hides them. Two events of one
 * author with one number are both kept and shown as an equivocation.
 *
 * Verbs (SPACE_CALL): see verbs.c, one line each. A verb that streams ("watch", "export",
 * "blob_get" with raw) ends early when the verb "cancel" arrives with the same token.
 *
 * Config (JSON object, all optional): see dag_config_load in config.c.
 */
#ifndef SPACE_DAG_DAG_H
#define SPACE_DAG_DAG_H

#include "space/dag/event.h"
#include "space/space.h"

/* Records of the journal. */
enum dag_record {
    DAG_RECORD_EVENT = 1,      /* the block of an event */
    DAG_RECORD_BLOB_CHUNK = 2, /* the bytes of a chunk, as they are */
    DAG_RECORD_BLOB_LIST = 3,  /* a chunk list's block */
    DAG_RECORD_EPOCH = 4,      /* uint: our own events go on in this epoch */
    DAG_RECORD_BLOB_WHOLE = 5, /* hash of a whole body, hash of its chunk list */
};

/* Room for the signed bytes of a body that is signed itself. */
#define DAG_INNER_MAX 2048

enum dag_body_verdict {
    DAG_BODY_OK,     /* nothing further to verify */
    DAG_BODY_SIGNED, /* `ret_item` must verify too; its bytes lie in `scratch` */
    DAG_BODY_BAD,
};

/* What a kind of event demands of its body. `body` is canonical DAG-CBOR already. Called
 * on the loop thread for each event that is not known yet; must be quick. */
struct dag_check {
    void *ctx;
    enum dag_body_verdict (*body)(void *ctx, enum event_kind kind,
                                  const struct pando_id *space,
                                  const struct pando_key *author, struct pando_slice body,
                                  struct space_verify_item *ret_item,
                                  uint8_t scratch[DAG_INNER_MAX]);
};

extern const struct space_ops space_dag_ops;

/* Give the instance its body check; before the first step. Without one every body passes.
 */
void space_dag_set_check(void *instance, const struct dag_check *check);

#endif
