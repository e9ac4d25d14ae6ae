/* cmd_receipt.c - is this receipt true? */
#include "apps/pando/commands.h"

#include "apps/pando/output.h"
#include "apps/pando/reach.h"
#include "base/slice.h"
#include "crypto/peer_id.h"
#include "exec/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECEIPT_FILE_MAX (64u << 10)

/* `exec --json` prints the receipt inside its answer; such a file serves as well. */
static json_t *receipt_inside(json_t *value)
{
    json_t *inner = json_object_get(value, "receipt");
    if (!json_is_object(inner))
        return value;
    (void)json_incref(inner);
    json_decref(value);
    return inner;
}

static enum pando_status load(const char *path, json_t **ret_receipt,
                              struct pando_err *reterr)
{
    struct pando_buf text = { 0 };
    json_error_t problem;
    enum pando_status st = file_read(path, RECEIPT_FILE_MAX, &text, reterr);
    if (st == PANDO_OK) {
        json_t *value = json_loadb((const char *)text.ptr, text.len,
                                   JSON_REJECT_DUPLICATES, &problem);
        if (value == NULL)
            st = pando_err_set(reterr, PANDO_MALFORMED, "%.100s is no JSON: line %d: %s",
                               path, problem.line, problem.text);
        else
            *ret_receipt = receipt_inside(value);
    }
    buf_deinit(&text);
    return st;
}

static const char *mark(bool good)
{
    return output_is_utf8() ? good ? "✓ " : "✗ " : good ? "ok: " : "NOT ok: ";
}

static void print_replay(const json_t *replay)
{
    char text[240];
    const bool matches = flag_of(replay, "matches");
    (void)printf("%sReplay: output %s, fuel %s\n", mark(matches),
                 flag_of(replay, "output_equal") ? "equal" : "differs",
                 !flag_of(replay, "engine_equal")
                     ? "not compared (another engine version)"
                 : flag_of(replay, "fuel_equal") ? "equal"
                                                 : "differs");
    if (text_of(replay, "text", text, sizeof text)[0] != '\0')
        (void)printf("  %s\n", text);
}

/* The answer of a node or of the check made here: the same members. */
static enum pando_status judge(const struct args *args, const json_t *answer,
                               struct pando_err *reterr)
{
    char text[200];
    const json_t *replay = json_object_get(answer, "replay");
    const bool valid = flag_of(answer, "valid"),
               genuine = flag_of(answer, "signature_ok");
    const bool matches = replay == NULL || flag_of(replay, "matches");
    if (!args->json) {
        (void)printf("Receipt: %s\n", text_of(answer, "receipt_id", text, sizeof text));
        (void)printf("Signer:  %s\n", text_of(answer, "signer", text, sizeof text));
        (void)printf("%sSignature: %s\n", mark(genuine), genuine ? "valid" : "INVALID");
        (void)printf("%s%s (age %lld s)\n", mark(valid),
                     text_of(answer, "verdict", text, sizeof text),
                     number_of(answer, "age_s"));
        if (replay != NULL)
            print_replay(replay);
    }
    if (!genuine)
        return pando_err_set(reterr, PANDO_FORGED,
                             "the signature does not match the receipt");
    if (!valid)
        return pando_err_set(reterr, PANDO_REFUSED, "%s",
                             text_of(answer, "verdict", text, sizeof text));
    if (!matches && !flag_of(replay, "ran"))
        return pando_err_set(reterr, PANDO_UNAVAILABLE,
                             "the run could not be repeated: %s",
                             text_of(replay, "text", text, sizeof text));
    return matches ? PANDO_OK
                   : pando_err_set(
                         reterr, PANDO_CORRUPT,
                         "the run repeated gives another result than the receipt says");
}

/* A signature needs no node to be checked. */
static enum pando_status verify_here(const struct args *args, const json_t *value,
                                     uint32_t max_age_s, struct pando_err *reterr)
{
    struct receipt r;
    char *text = json_dumps(value, JSON_COMPACT);
    enum pando_status st =
        text == NULL ? PANDO_NOMEM : receipt_from_json(slice_text(text), &r, reterr);
    free(text);
    if (st == PANDO_OK)
        st = crypto_init();
    if (st != PANDO_OK)
        return st;
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    const struct pando_wall now = { ts.tv_sec * 1000 + ts.tv_nsec / 1000000 };
    const enum receipt_verdict v = receipt_verify(&r, now, max_age_s);
    const bool genuine = v != RECEIPT_FORGED && v != RECEIPT_MALFORMED;
    const char *id = json_string_value(json_object_get(value, "id"));
    const struct peer_id peer = peer_id_from_key(&r.node);
    char signer[PEER_ID_TEXT_MAX];
    peer_id_print(&peer, signer);
    json_t *answer =
        json_pack("{s:b,s:b,s:s,s:I,s:s,s:s}", "valid", v == RECEIPT_VALID,
                  "signature_ok", genuine, "verdict", receipt_verdict_text(v), "age_s",
                  (json_int_t)((now.ms - r.time.ms) / 1000), "receipt_id",
                  id != NULL ? id : "", "signer", signer);
    if (args->json)
        (void)json_dumpf(answer, stdout, JSON_COMPACT);
    if (args->json)
        (void)printf("\n");
    st = judge(args, answer, reterr);
    json_decref(answer);
    return st;
}

static enum pando_status verify_there(const struct args *args, json_t *receipt,
                                      uint32_t max_age_s, struct pando_err *reterr)
{
    json_t *answer = NULL;
    json_t *question = json_pack("{s:o,s:i,s:b}", "receipt", receipt, "max_age_s",
                                 (int)max_age_s, "replay", args_has(args, OPT_REPLAY));
    const char *space = args_value(args, OPT_SPACE, NULL);
    if (space != NULL)
        (void)json_object_set_new(question, "space", json_string(space));
    enum pando_status st = reach_call(args, "receipt.verify", question, &answer, reterr);
    if (st == PANDO_OK)
        st = judge(args, answer, reterr);
    json_decref(answer);
    return st;
}

enum pando_status run_receipt_verify(const struct args *args, struct pando_err *reterr)
{
    const char *age = args_value(args, OPT_MAX_AGE, "3600");
    char *end = NULL;
    const unsigned long max_age_s = strtoul(age, &end, 10);
    if (*end != '\0' || age[0] == '-' || max_age_s > 2000000000)
        return pando_err_set(reterr, PANDO_INVALID,
                             "--max-age takes seconds, not '%.40s'", age);
    const bool is_file =
        strcmp(args->words[0], "-") == 0 || access(args->words[0], F_OK) == 0;
    if (!is_file)
        return verify_there(args, json_string(args->words[0]), (uint32_t)max_age_s,
                            reterr);
    json_t *receipt = NULL;
    enum pando_status st = load(args->words[0], &receipt, reterr);
    if (st != PANDO_OK)
        return st;
    if (args_has(args, OPT_REPLAY))
        return verify_there(args, receipt, (uint32_t)max_age_s, reterr);
    st = verify_here(args, receipt, (uint32_t)max_age_s, reterr);
    json_decref(receipt);
    return st;
}

enum pando_status run_receipt_show(const struct args *args, struct pando_err *reterr)
{
    json_t *question = json_pack("{s:s}", "id", args->words[0]);
    const char *space = args_value(args, OPT_SPACE, NULL);
    if (space != NULL)
        (void)json_object_set_new(question, "space", json_string(space));
    return reach_show(args, "receipt.show", question, reterr);
}
