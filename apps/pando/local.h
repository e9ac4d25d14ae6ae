/* local.h - one call answered in this process, on a data folder whose node is not
 * running. */
#ifndef APPS_PANDO_LOCAL_H
#define APPS_PANDO_LOCAL_H

#include "api/client.h"

/* As client_call. Errors: PANDO_BUSY a process holds the folder. */
enum pando_status local_call(const char *data, const char *verb, struct pando_slice args,
                             const struct client_stream *stream,
                             struct pando_buf *ret_body,
                             struct pando_err *reterr) PANDO_MUST_USE;

#endif
