/* registry.c - one small file per running node, so that commands find it.
 *
 * ${XDG_RUNTIME_DIR:-/tmp/pando-UID}/pando/NAME-PID.json, mode 0600. A file whose process
 * is gone is ignored by its readers and overwritten by the next node of that name.
 */
#include "host/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void registry_dir(char *ret, size_t cap)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    if (run != NULL && run[0] == '/')
        (void)snprintf(ret, cap, "%s/pando", run);
    else
        (void)snprintf(ret, cap, "/tmp/pando-%u/pando", (unsigned)getuid());
}

void registry_write(struct host *h)
{
    char dir[256], parent[256], data[4096];
    registry_dir(dir, sizeof dir);
    (void)snprintf(parent, sizeof parent, "%s", dir);
    parent[strlen(parent) - strlen("/pando")] = '\0';
    (void)mkdir(parent, 0700);
    (void)mkdir(dir, 0700);
    if (realpath(h->config->data, data) == NULL)
        (void)snprintf(data, sizeof data, "%s", h->config->data);
    (void)snprintf(h->registry, sizeof h->registry, "%s/%.200s-%d.json", dir,
                   h->config->name, (int)getpid());
    const int fd = open(h->registry, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (f == NULL) {
        trace(h->tracer, TRACE_HOST, TRACE_WARNING,
              "cannot write %s: commands need --data", h->registry);
        h->registry[0] = '\0';
        return;
    }
    (void)fprintf(f,
                  "{\"pid\":%d,\"name\":\"%s\",\"control\":\"%s/"
                  "control.sock\",\"http\":%u,\"data\":\"%s\"}\n",
                  (int)getpid(), h->config->name, data, api_port(h->api), data);
    (void)fclose(f);
}

void registry_remove(struct host *h)
{
    if (h->registry[0] != '\0')
        (void)unlink(h->registry);
}
