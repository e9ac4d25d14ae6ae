#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void pando_bug(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "pando: bug at %s:%d: %s\n", file, line, what);
    abort();
}
