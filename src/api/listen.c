#include "api/api_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 512

static bool parse_address(const char *text, uint16_t port,
                          struct sockaddr_storage *ret_address, socklen_t *ret_len)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    if (strcmp(text, "localhost") == 0)
        text = "127.0.0.1";
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(ret_address, &v4, sizeof v4);
        *ret_len = sizeof v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(ret_address, &v6, sizeof v6);
        *ret_len = sizeof v6;
        return true;
    }
    return false;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = { 0 };
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    memcpy(&v4, &address, sizeof v4);
    memcpy(&v6, &address, sizeof v6);
    return ntohs(address.ss_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

static enum pando_status bind_error(const char *address, uint16_t port, int why,
                                    struct pando_err *reterr)
{
    if (why == EADDRINUSE)
        return pando_err_set(
            reterr, PANDO_BUSY,
            "TCP port %u is in use on %s: see who holds it with 'ss -tlnp sport "
            "= :%u', or choose another with --http-port or --port",
            port, address, port);
    if (why == EACCES)
        return pando_err_set(reterr, PANDO_REFUSED,
                             "TCP port %u needs privileges: choose one above 1023 with "
                             "--http-port or --port",
                             port);
    if (why == EADDRNOTAVAIL)
        return pando_err_set(reterr, PANDO_INVALID,
                             "%s is no address of this machine: see 'ip address', set "
                             "--http-listen",
                             address);
    return pando_err_set(reterr, PANDO_IO, "cannot listen on TCP %s port %u: %s", address,
                         port, strerror(why));
}

enum pando_status listen_tcp(const char *address, uint16_t port, int *ret_fd,
                             uint16_t *ret_port, struct pando_err *reterr)
{
    struct sockaddr_storage place;
    socklen_t len;
    if (!parse_address(address, port, &place, &len))
        return pando_err_set(
            reterr, PANDO_INVALID,
            "'%s' is no IP address for HTTP to listen on (e.g., 127.0.0.1)", address);
    const int fd = socket(place.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd < 0)
        return bind_error(address, port, errno, reterr);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&place, len) != 0 || listen(fd, BACKLOG) != 0) {
        const int why = errno;
        (void)close(fd);
        return bind_error(address, port, why, reterr);
    }
    *ret_fd = fd;
    *ret_port = bound_port(fd);
    return PANDO_OK;
}

/* Somebody accepts there: a live node. Otherwise the file is a dead one's. */
static bool is_alive(const struct sockaddr_un *place)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* cannot tell, so touch nothing */
    const int rc = connect(fd, (const struct sockaddr *)place, sizeof *place);
    const bool alive = rc == 0 || (errno != ECONNREFUSED && errno != ENOENT);
    (void)close(fd);
    return alive;
}

static int bind_private(int fd, const struct sockaddr_un *place)
{
    const mode_t before = umask(0177);
    const int rc = bind(fd, (const struct sockaddr *)place, sizeof *place);
    const int why = errno;
    (void)umask(before);
    errno = why;
    return rc;
}

enum pando_status listen_unix(const char *path, int *ret_fd, struct pando_err *reterr)
{
    struct sockaddr_un place = { .sun_family = AF_UNIX };
    struct stat st;
    if (strlen(path) >= sizeof place.sun_path)
        return pando_err_set(
            reterr, PANDO_INVALID,
            "the control socket's path is over %zu bytes: choose a shorter "
            "--data, or start the node inside that folder with a relative one",
            sizeof place.sun_path - 1);
    (void)snprintf(place.sun_path, sizeof place.sun_path, "%s", path);
    if (lstat(path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return pando_err_set(reterr, PANDO_EXISTS,
                                 "%.150s is in the way: it is no socket", path);
        if (is_alive(&place))
            return pando_err_set(
                reterr, PANDO_BUSY,
                "a running node answers on %.150s: stop it, or choose another "
                "--data",
                path);
        (void)unlink(path);
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind_private(fd, &place) != 0 || listen(fd, BACKLOG) != 0) {
        const int why = errno;
        if (fd >= 0)
            (void)close(fd);
        return pando_err_set(reterr, why == EADDRINUSE ? PANDO_BUSY : PANDO_IO,
                             "cannot make the control socket %.150s: %s", path,
                             strerror(why));
    }
    *ret_fd = fd;
    return PANDO_OK;
}

bool listen_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_UNIX)
        return true;
    if (address->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
        return v6.sin6_addr.s6_addr[12] == 127;
    return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

void listen_local_ip(int fd, char text[46])
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof address;
    text[0] = '\0';
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return;
    if (address.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, text, 46);
    } else if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &address, sizeof v6);
        const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        (void)inet_ntop(mapped ? AF_INET : AF_INET6,
                        mapped ? (const void *)&v6.sin6_addr.s6_addr[12] : &v6.sin6_addr,
                        text, 46);
    }
}
