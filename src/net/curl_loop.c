/* curl_loop.c: libuv and libcurl's multi interface joined. libcurl says which sockets to watch and when it wants to be
 * called; each call to it may end transfers, which are told after every one.
 *
 * A watched socket has a poll handle of its own, closed when libcurl lets go of the socket and freed in its close
 * callback; the timer is part of curl_loop, which is freed when the last of them is closed. */
#include <assert.h>

#include "shunt/base/mem.h"

#include "curl_transfer.h"

struct socket_watch {
    uv_poll_t poll; /* first */
    struct curl_loop *owner;
    curl_socket_t fd;
};

struct curl_loop {
    uv_loop_t *loop;
    struct curl_calls call;
    CURLM *multi; /* NULL: there was no transfer yet */
    uv_timer_t timer;
    size_t handles; /* open: the timer and the sockets */
    struct curl_transfer *under_way;
    bool closing;
    void (*closed)(void *user);
    void *user;
};

struct curl_loop *curl_loop_new(uv_loop_t *loop)
{
    struct curl_loop *c = mem_zalloc(sizeof *c);
    if (c)
        c->loop = loop;
    return c;
}

static void free_when_closed(struct curl_loop *c)
{
    if (!c->closing || c->handles > 0)
        return;
    void (*closed)(void *user) = c->closed;
    void *user = c->user;
    mem_free(c);
    if (closed)
        closed(user);
}

/* --- transfers --- */

static void unlink_transfer(struct curl_transfer *t)
{
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
}

static void end_transfer(struct curl_loop *c, struct curl_transfer *t, CURLcode code)
{
    unlink_transfer(t);
    (void)c->call.multi_remove_handle(c->multi, t->easy);
    t->done(t, code);
}

/* A transfer's end may begin or end others: each message is fetched anew. */
static void drain_messages(struct curl_loop *c)
{
    CURLMsg *message;
    int left;
    while ((message = c->call.multi_info_read(c->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result; /* the message goes with the handle */
        struct curl_transfer *t = c->under_way;
        while (t && t->easy != easy)
            t = t->next;
        assert(t);
        end_transfer(c, t, code);
    }
}

static void act(struct curl_loop *c, curl_socket_t fd, int events)
{
    int running;
    (void)c->call.multi_socket_action(c->multi, fd, events, &running);
    drain_messages(c);
}

/* --- what libcurl asks for --- */

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct curl_loop *c = user;
    if (timeout_ms < 0) {
        uv_timer_stop(&c->timer);
        return 0;
    }
    uv_update_time(c->loop); /* libuv counts from the loop's own, slightly old time */
    uv_timer_start(&c->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *watch = (struct socket_watch *)poll;
    int what = status < 0 ? CURL_CSELECT_ERR : 0;
    what |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    what |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    act(watch->owner, watch->fd, what);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct socket_watch *watch = (struct socket_watch *)handle;
    struct curl_loop *c = watch->owner;
    mem_free(watch);
    c->handles--;
    free_when_closed(c);
}

/* NULL: it cannot be watched, and its transfer ends by its time-out. */
static struct socket_watch *watch_new(struct curl_loop *c, curl_socket_t fd)
{
    struct socket_watch *watch = mem_zalloc(sizeof *watch);
    if (!watch || uv_poll_init_socket(c->loop, &watch->poll, fd) != 0) {
        mem_free(watch);
        return NULL;
    }
    watch->owner = c;
    watch->fd = fd;
    c->handles++;
    (void)c->call.multi_assign(c->multi, fd, watch);
    return watch;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    (void)easy;
    struct curl_loop *c = user;
    struct socket_watch *watch = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            (void)c->call.multi_assign(c->multi, fd, NULL);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (!watch && !(watch = watch_new(c, fd)))
        return 0;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    if (events == 0)
        uv_poll_stop(&watch->poll);
    else
        uv_poll_start(&watch->poll, events, on_socket);
    return 0;
}

/* --- life --- */

int curl_loop_calls(struct curl_loop *c, const struct curl_calls **out, struct error *e)
{
    if (!c->multi) {
        int rc = curl_calls_load(&c->call, e);
        if (rc != 0)
            return rc;
        if (!(c->multi = c->call.multi_init()))
            return error_set(e, ERR_NOMEM, "out of memory");
        c->call.multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
        c->call.multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
        c->call.multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
        c->call.multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
        uv_timer_init(c->loop, &c->timer);
        c->timer.data = c;
        c->handles = 1;
    }
    *out = &c->call;
    return 0;
}

int curl_transfer_start(struct curl_loop *c, struct curl_transfer *t, struct error *e)
{
    assert(c->multi && !c->closing);
    if (c->call.multi_add_handle(c->multi, t->easy) != CURLM_OK)
        return error_set(e, ERR_NOMEM, "out of memory");
    t->next = c->under_way;
    t->link = &c->under_way;
    if (t->next)
        t->next->link = &t->next;
    c->under_way = t;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct curl_loop *c = handle->data;
    c->handles--;
    free_when_closed(c);
}

void curl_loop_close(struct curl_loop *c, void (*closed)(void *user), void *user)
{
    if (!c)
        return;
    while (c->under_way)
        end_transfer(c, c->under_way, CURLE_ABORTED_BY_CALLBACK);
    c->closed = closed;
    c->user = user;
    if (c->multi) {
        (void)c->call.multi_cleanup(c->multi); /* lets go of every socket that it kept */
        uv_timer_stop(&c->timer);
        uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    }
    c->closing = true;
    free_when_closed(c);
}
