/* registry.c - one small file per running node, so that commands find it.
 *
 * ${XDG_RUNTIME_DIR:-/tmp/pando-UID}/pando/NAME-PID.json, mode 0600. A file whose process
 * is gone is ignored by its readers and overwritten by the next node of that name.
 */
#include "host/state.h"

#include "node/args.h"

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

/* Somebody else's folder in /tmp is a trap: commands would follow what it says. */
static bool is_ours(const char *dir)
{
    struct stat st;
    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
           (st.st_mode & 022) == 0;
}

static enum pando_status print_entry(struct host *h, const char *data, struct pando_buf *b)
{
    enum pando_status st = buf_printf(b, "{\"pid\":%d,\"http\":%u,\"name\":", (int)getpid(),
                                      api_port(h->api));
    if (st == PANDO_OK)
        st = answer_string(b, h->config->name);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"data\":");
    if (st == PANDO_OK)
        st = answer_string(b, data);
    char control[4200];
    (void)snprintf(control, sizeof control, "%s/control.sock", data);
    if (st == PANDO_OK)
        st = buf_printf(b, ",\"control\":");
    if (st == PANDO_OK)
        st = answer_string(b, control);
    return st == PANDO_OK ? buf_printf(b, "}\n") : st;
}

void registry_write(struct host *h)
{
    struct pando_buf b;
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
    buf_init(&b, 16384);
    const int fd = is_ours(dir) ? open(h->registry,
                                       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)
                                : -1;
    const bool written = fd >= 0 && print_entry(h, data, &b) == PANDO_OK &&
                         write(fd, b.ptr, b.len) == (ssize_t)b.len;
    if (fd >= 0)
        (void)close(fd);
    buf_deinit(&b);
    if (written)
        return;
    trace(h->tracer, TRACE_HOST, TRACE_WARNING, "cannot write %s: commands need --data",
          h->registry);
    h->registry[0] = '\0';
}

void registry_remove(struct host *h)
{
    if (h->registry[0] != '\0')
        (void)unlink(h->registry);
}
