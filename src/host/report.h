/* report.h - a validation report as JSON text. */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include "base/buf.h"
#include "exec/exec.h"

enum pando_status report_print(const struct exec_report *r, struct pando_buf *ret) PANDO_MUST_USE;

#endif
