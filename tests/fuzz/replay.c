/* replay.c - the main() of a fuzz target in builds without libFuzzer.
 *
 * Runs the property over every regular file of the directory argv[1], in name order, so
 * that the seeds and every reproducer kept there are checked by each ordinary test run. A
 * missing or empty directory is a failure: a test that ran nothing must not pass.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int keep(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Read the file into exactly as many bytes as it has, so that sanitizers see overruns. */
static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *whole = malloc(INPUT_MAX), *exact = NULL;
    int rc = -1;
    if (f == NULL || whole == NULL)
        goto out;
    const size_t len = fread(whole, 1, INPUT_MAX, f);
    exact = malloc(len > 0 ? len : 1);
    if (exact == NULL || ferror(f))
        goto out;
    memcpy(exact, whole, len);
    rc = LLVMFuzzerTestOneInput(exact, len);
out:
    if (f != NULL)
        (void)fclose(f);
    free(whole);
    free(exact);
    return rc;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    const int len = argc == 2 ? scandir(argv[1], &entries, keep, alphasort) : -1;
    int failed = 0;
    if (len <= 0)
        (void)fprintf(stderr, "%s: no inputs in %s\n", argv[0],
                      argc == 2 ? argv[1] : "?");
    for (int i = 0; i < len; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        if (run_file(path) != 0) {
            (void)fprintf(stderr, "cannot run %s\n", path);
            failed++;
        }
        free(entries[i]);
    }
    free(entries);
    (void)printf("%d inputs, %d failed\n", len > 0 ? len : 0, failed);
    return len > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
