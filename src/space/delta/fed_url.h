/* fed_url.h - the addresses of federation servers: ws:// and wss:// URLs. */
#ifndef SPACE_DELTA_FED_URL_H
#define SPACE_DELTA_FED_URL_H

#include <pando/status.h>
#include <pando/types.h>

#define FED_URL_MAX 2048

/* Errors: PANDO_INVALID reterr names what is wrong and the remedy. */
enum pando_status fed_url_check(struct pando_slice url, struct pando_err *reterr) PANDO_MUST_USE;

#endif
