/* api_fixture.h - the api over real loopback sockets, for its tests.
 *
 * A poll loop of ten lines drives it. Time is the test's own for our deadlines, so
 * nothing waits for a clock to pass. The backend answers "status" at once, fails
 * "peer.ls", gives "metrics" as text, and leaves all else open for the test to answer.
 */
#ifndef API_API_FIXTURE_H
#define API_API_FIXTURE_H

#include "api/api.h"

#define WATCHES 600

struct api_fixture {
    char folder[64];
    char socket[128];
    struct api *api;
    struct api_config config;
    struct pando_time now;
    struct {
        int fd;
        unsigned events;
        uint32_t handle;
    } watches[WATCHES];
    size_t watches_len;
    uint64_t token; /* of the call that is left open */
    char verb[32];
    char args[256];
    int calls, cancels;
    /* When set it answers instead of the above. */
    void (*answer)(struct api_fixture *f, uint64_t token, const char *verb,
                   struct pando_slice args);
    void *answer_ctx;
};

void fixture_setup(struct api_fixture *f, size_t connections_max);
void fixture_teardown(struct api_fixture *f);
/* Serve whatever is ready, waiting at most `ms` for the first; true when something was.
 */
bool fixture_serve(struct api_fixture *f, int ms);
/* Answer a call; it must be taken. */
void fixture_say(struct api_fixture *f, uint64_t token, enum pando_status st,
                 const char *text, bool raw, bool more);
/* A blocking client socket, by the control socket or by TCP. */
int fixture_dial(struct api_fixture *f, bool control);
void fixture_put(int fd, const char *text);
/* Serve until the client has seen `until`, or the end of the connection when it is NULL.
 * Valid until the next call. */
char *fixture_see(struct api_fixture *f, int fd, const char *until);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

#endif
