/* federate_args.h - the options of a federation link as its JSON configuration. */
#ifndef APPS_PANDO_FEDERATE_ARGS_H
#define APPS_PANDO_FEDERATE_ARGS_H

#include "apps/pando/delta_args.h"

/* {"space":...,"url":...,"mode":...,...}. Errors: PANDO_INVALID names the option. */
enum pando_status federate_question(const struct args *args, json_t **ret,
                                    struct pando_err *reterr) PANDO_MUST_USE;

#endif
