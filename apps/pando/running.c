#include "apps/pando/running.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The same folder that the host writes (src/host/registry.c). */
static void registry_dir(char *path, size_t cap)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    if (run != NULL && run[0] == '/')
        (void)snprintf(path, cap, "%s/pando", run);
    else
        (void)snprintf(path, cap, "/tmp/pando-%u/pando", (unsigned)getuid());
}

/* /tmp is everybody's: believe only a folder that is ours alone to write. */
static bool is_ours(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
           (st.st_mode & 0022) == 0;
}

static bool read_entry(const char *path, struct running *ret)
{
    json_t *entry = json_load_file(path, 0, NULL);
    const char *name = json_string_value(json_object_get(entry, "name"));
    const char *data = json_string_value(json_object_get(entry, "data"));
    const long pid = (long)json_integer_value(json_object_get(entry, "pid"));
    const bool good = name != NULL && data != NULL && strlen(name) < sizeof ret->name &&
                      strlen(data) < sizeof ret->data && pid > 0 &&
                      (kill((pid_t)pid, 0) == 0 || errno == EPERM);
    if (good) {
        *ret = (struct running){ .pid = pid };
        ret->http = (unsigned)json_integer_value(json_object_get(entry, "http"));
        (void)snprintf(ret->name, sizeof ret->name, "%s", name);
        (void)snprintf(ret->data, sizeof ret->data, "%s", data);
    }
    json_decref(entry);
    return good;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct running *)a)->name, ((const struct running *)b)->name);
}

size_t running_list(struct running ret[RUNNING_MAX])
{
    char dir[256], path[600];
    size_t len = 0;
    registry_dir(dir, sizeof dir);
    DIR *d = is_ours(dir) ? opendir(dir) : NULL;
    if (d == NULL)
        return 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL && len < RUNNING_MAX;) {
        const size_t name_len = strlen(e->d_name);
        if (name_len < 6 || strcmp(e->d_name + name_len - 5, ".json") != 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        len += read_entry(path, &ret[len]);
    }
    (void)closedir(d);
    qsort(ret, len, sizeof ret[0], by_name);
    return len;
}

bool running_is_stopped(const char *socket_path)
{
    struct sockaddr_un place = { .sun_family = AF_UNIX };
    if (strlen(socket_path) >= sizeof place.sun_path)
        return false;
    (void)snprintf(place.sun_path, sizeof place.sun_path, "%s", socket_path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    const int rc = connect(fd, (const struct sockaddr *)&place, sizeof place);
    const bool stopped = rc != 0 && (errno == ENOENT || errno == ECONNREFUSED);
    (void)close(fd);
    return stopped;
}
