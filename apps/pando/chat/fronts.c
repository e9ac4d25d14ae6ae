#include "apps/pando/chat/fronts.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGWINCH);
    return set;
}

int chat_signals(void)
{
    const sigset_t set = signals();
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void chat_signals_end(int fd)
{
    const sigset_t set = signals();
    (void)close(fd);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

enum pando_status chat_verdict(const struct chat *c, struct pando_err *reterr)
{
    const size_t waiting = chat_waiting(c);
    if (waiting == 0)
        return PANDO_OK;
    return pando_err_set(reterr, PANDO_UNAVAILABLE,
                         "%zu %s typed here %s not known to be in the log", waiting,
                         waiting == 1 ? "line" : "lines", waiting == 1 ? "is" : "are");
}
