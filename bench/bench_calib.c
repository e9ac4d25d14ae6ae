/* bench_calib.c - the machine alone: run by bench/run before every other program. */
#include "bench/calib.h"

#include <stdlib.h>

int main(void)
{
    const char *dir = getenv("BENCH_DIR");
    struct calib c;
    calib_begin(&c);
    for (int i = 0; i < 5; i++)
        calib_run(&c, dir != NULL ? dir : "/tmp");
    calib_print(&c);
    return 0;
}
