/* pando.h - everything that libpando exports. */
#ifndef PANDO_PANDO_H
#define PANDO_PANDO_H

#include <pando/delta.h>
#include <pando/node.h>
#include <pando/status.h>
#include <pando/types.h>

#endif
