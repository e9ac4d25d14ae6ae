#include "host/pool.h"

#include <stdbool.h>
#include <stdlib.h>

enum { THREADS_MAX = 8 };

struct queue {
    struct pool_job *first;
    struct pool_job **last;
};

struct pool {
    uv_async_t wake;
    uv_mutex_t lock;
    uv_cond_t work;
    struct queue waiting;
    struct queue finished;
    size_t waiting_len;
    size_t cap;
    size_t pending; /* loop thread only */
    bool stopping;
    unsigned threads_len;
    uv_thread_t threads[THREADS_MAX];
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_put(struct queue *q, struct pool_job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
}

static struct pool_job *queue_take(struct queue *q)
{
    struct pool_job *job = q->first;
    if (job != NULL) {
        q->first = job->next;
        if (q->first == NULL)
            q->last = &q->first;
    }
    return job;
}

static void work(void *arg)
{
    struct pool *p = arg;
    uv_mutex_lock(&p->lock);
    for (;;) {
        struct pool_job *job = queue_take(&p->waiting);
        if (job == NULL) {
            if (p->stopping)
                break;
            uv_cond_wait(&p->work, &p->lock);
            continue;
        }
        p->waiting_len--;
        uv_mutex_unlock(&p->lock);
        job->run(job);
        uv_mutex_lock(&p->lock);
        const bool first = p->finished.first == NULL;
        queue_put(&p->finished, job);
        if (first)
            (void)uv_async_send(&p->wake);
    }
    uv_mutex_unlock(&p->lock);
}

static void on_wake(uv_async_t *handle)
{
    pool_drain(handle->data);
}

enum pando_status pool_new(uv_loop_t *loop, unsigned threads, size_t cap,
                           struct pool **ret)
{
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return PANDO_NOMEM;
    p->cap = cap;
    queue_init(&p->waiting);
    queue_init(&p->finished);
    if (uv_mutex_init(&p->lock) != 0 || uv_cond_init(&p->work) != 0 ||
        uv_async_init(loop, &p->wake, on_wake) != 0) {
        free(p);
        return PANDO_IO;
    }
    p->wake.data = p;
    uv_unref((uv_handle_t *)&p->wake);
    const uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE,
                                          .stack_size = 1u << 20 };
    for (unsigned i = 0; i < threads && i < THREADS_MAX; i++) {
        if (uv_thread_create_ex(&p->threads[i], &options, work, p) != 0)
            break;
        p->threads_len++;
    }
    *ret = p;
    return p->threads_len > 0 ? PANDO_OK : PANDO_IO;
}

enum pando_status pool_submit(struct pool *p, struct pool_job *job)
{
    uv_mutex_lock(&p->lock);
    const bool full = p->waiting_len >= p->cap;
    if (!full) {
        queue_put(&p->waiting, job);
        p->waiting_len++;
        uv_cond_signal(&p->work);
    }
    uv_mutex_unlock(&p->lock);
    p->pending += !full;
    return full ? PANDO_BUSY : PANDO_OK;
}

size_t pool_pending(const struct pool *p)
{
    return p->pending;
}

void pool_drain(struct pool *p)
{
    struct queue done;
    uv_mutex_lock(&p->lock);
    done = p->finished;
    queue_init(&p->finished);
    uv_mutex_unlock(&p->lock);
    for (struct pool_job *job = done.first, *next; job != NULL; job = next) {
        next = job->next;
        p->pending--;
        job->done(job);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct pool *p = handle->data;
    uv_mutex_destroy(&p->lock);
    uv_cond_destroy(&p->work);
    free(p);
}

void pool_free(struct pool *p)
{
    if (p == NULL)
        return;
    uv_mutex_lock(&p->lock);
    p->stopping = true;
    uv_cond_broadcast(&p->work);
    uv_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads_len; i++)
        (void)uv_thread_join(&p->threads[i]);
    pool_drain(p);
    uv_close((uv_handle_t *)&p->wake, on_closed);
}
