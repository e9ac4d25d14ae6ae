/* delta_import.h - an import under way: batches of lines, or of blocks, and what became of them. */
#ifndef APPS_PANDO_DELTA_IMPORT_H
#define APPS_PANDO_DELTA_IMPORT_H

#include "apps/pando/command.h"
#include "apps/pando/reach.h"
#include "base/buf.h"

#include <jansson.h>
#include <stdio.h>

#define IMPORT_BATCH    (2u << 20) /* bytes of lines or blocks in one call */
#define IMPORT_REASONS  20         /* that are shown */

struct import {
    const struct args *args;
    struct reach reach;
    FILE *file;
    bool car;
    struct pando_buf batch; /* the space's name, then lines or an archive */
    size_t head;            /* bytes before the first line or block */
    unsigned long long line; /* lines, or blocks, before the batch */
    unsigned long long lines, bytes;
    unsigned long long fresh, returned, known, shadowed, refused;
    json_t *reasons;
};

enum pando_status import_begin(struct import *m) PANDO_MUST_USE;
/* Send the batch, unless it is empty; then it is to be begun anew. */
enum pando_status import_send(struct import *m, struct pando_err *reterr) PANDO_MUST_USE;
/* One that never got as far as the node. */
void import_refuse(struct import *m, unsigned long long block, const char *reason);
/* import_car.c: all of a CAR archive. */
enum pando_status import_car(struct import *m, struct pando_err *reterr) PANDO_MUST_USE;

/* How far it is, on a terminal only; the last state stays. */
void delta_progress(const char *what, unsigned long long bytes, unsigned long long deltas,
                    bool last);

#endif
