/* Deltas that a capsule judges: the node's first, then the link's. A delta keeps its place among
 * the answers (its sequence number) while others behind it are staged already. */
#include "space/delta/fed_state.h"

#include "base/bytes.h"
#include "base/slice.h"
#include "space/delta/delta_json.h"

static struct pando_slice capsule_of(const struct fed *f, const struct fed_link *l, unsigned round)
{
    return buf_view(round == 0 ? &f->config.trust.capsule : &l->config.trust.capsule);
}

bool fed_judge_needed(const struct fed *f, const struct fed_link *l)
{
    return capsule_of(f, l, 0).len + capsule_of(f, l, 1).len > 0;
}

static void release(struct fed *f, struct fed_judge *j)
{
    buf_deinit(&j->bytes);
    *j = (struct fed_judge){ 0 };
    f->judges_len--;
}

/* Ask the capsule of this round, or of the next when there is none; false: nobody is left. */
static bool ask(struct fed *f, const struct fed_link *l, struct fed_judge *j,
                const struct delta *d, bool *ret_failed)
{
    while (j->round < 2 && capsule_of(f, l, j->round).len == 0)
        j->round++;
    if (j->round == 1 && slice_equal(capsule_of(f, l, 0), capsule_of(f, l, 1)))
        j->round++; /* it has spoken */
    if (j->round >= 2)
        return false;
    j->token = ++f->tokens;
    enum pando_status st = delta_to_json(d, &f->out);
    struct bytes *text = st == PANDO_OK ? bytes_copy(buf_view(&f->out)) : NULL;
    buf_reset(&f->out);
    if (text == NULL || !fed_emit_judge(f, j->token, capsule_of(f, l, j->round), text)) {
        bytes_unref(text);
        *ret_failed = true;
    }
    return true;
}

static struct fed_judge *free_slot(struct fed *f)
{
    for (uint32_t i = 0; i < FED_JUDGES_MAX; i++)
        if (!f->judges[i].used)
            return &f->judges[i];
    return NULL;
}

enum fed_progress fed_judge_begin(struct fed *f, struct fed_link *l, const struct delta *d,
                                  bool answer)
{
    struct fed_judge *j = free_slot(f);
    if (j == NULL) {
        fed_link_again(f, l, FED_BUSY_AFTER); /* others' deltas are at the capsules */
        return FED_WAIT;
    }
    struct fed_ack *a = fed_ack_add(l, d->id);
    bool failed = a == NULL;
    if (!failed) {
        a->state = FED_ACK_JUDGING;
        a->answer = answer;
        *j = (struct fed_judge){ .used = true,
                                 .link = l->handle,
                                 .sequence = l->acks.first + l->acks.len - 1 };
        buf_init(&j->bytes, DELTA_BYTES_MAX);
        f->judges_len++;
        l->judging++;
        failed = buf_append(&j->bytes, d->bytes) != PANDO_OK;
        if (!failed)
            (void)ask(f, l, j, d, &failed);
    }
    if (failed)
        fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
    return FED_DONE;
}

/* Stage what all capsules accepted; WAIT: staging is busy. */
static enum fed_progress stage(struct fed *f, struct fed_link *l, struct fed_judge *j)
{
    struct fed_ack *a = fed_ack_at(l, j->sequence);
    struct delta d;
    if (a == NULL || delta_decode(buf_view(&j->bytes), &f->room, &d) != PANDO_OK)
        return FED_DONE; /* cannot be: they are our own bytes and our own number */
    return fed_take_stage(f, l, &d, a);
}

static void finish(struct fed *f, struct fed_link *l, struct fed_judge *j)
{
    if (stage(f, l, j) == FED_WAIT) {
        j->accepted = true;
        return;
    }
    if (!j->used)
        return; /* the link was closed, which forgot it */
    l->judging--;
    release(f, j);
}

void fed_judge_end(struct fed *f, uint64_t token, enum pando_status verdict)
{
    struct fed_judge *j = NULL;
    for (uint32_t i = 0; i < FED_JUDGES_MAX && j == NULL; i++)
        if (f->judges[i].used && !f->judges[i].accepted && f->judges[i].token == token)
            j = &f->judges[i];
    struct fed_link *l = j != NULL ? fed_link_of(f, j->link) : NULL;
    if (l == NULL)
        return;
    fed_touch(f, l);
    struct fed_ack *a = fed_ack_at(l, j->sequence);
    struct delta d;
    bool failed = false;
    if (verdict != PANDO_OK && a != NULL) {
        fed_ack_refuse(l, a, FED_UNTRUSTED);
        l->judging--;
        release(f, j);
        return;
    }
    j->round++;
    if (delta_decode(buf_view(&j->bytes), &f->room, &d) == PANDO_OK &&
        ask(f, l, j, &d, &failed)) {
        if (failed)
            fed_link_close(f, l, FED_CLOSE_INTERNAL, "out of memory");
        return;
    }
    finish(f, l, j);
}

void fed_judge_stage(struct fed *f, struct fed_link *l)
{
    for (uint32_t i = 0; i < FED_JUDGES_MAX && l->judging > 0 && l->piped; i++) {
        struct fed_judge *j = &f->judges[i];
        if (j->used && j->accepted && j->link == l->handle)
            finish(f, l, j);
    }
}

void fed_judge_forget(struct fed *f, const struct fed_link *l)
{
    for (uint32_t i = 0; i < FED_JUDGES_MAX && l->judging > 0; i++)
        if (f->judges[i].used && f->judges[i].link == l->handle)
            release(f, &f->judges[i]);
}
