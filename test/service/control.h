/* control.h: a whole service and raw clients of its control socket. The test turns the loop itself and waits for answers,
 * never for a time. The pool has one thread, which a test may keep busy. Scanner and upkeep are not started: only what is
 * asked for happens. */
#ifndef SHUNT_TEST_CONTROL_H
#define SHUNT_TEST_CONTROL_H

#ifndef SCARCE_STRIDE
#define SCARCE_STRIDE 3
#endif

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "shunt/service/control.h"
#include "shunt/service/service.h"

#include "../scarce.h"
#include "parts.h"

#define FAST                                                                                                           \
    "[service]\ndrain_timeout = 1h\n[intake]\nsettle = 100ms\nsettle_complete = 10ms\n[delivery]\ndurability = none\n" \
    "hang = 1h\n[retry]\nfirst = 10ms\nmax = 10ms\n[store]\nkeep_jobs = 0\n"
#define MOMENT_MS 5

struct world {
    struct scratch *s;
    struct service *service;
};

struct client {
    int fd;
    struct str in;
    bool ended;
};

static inline struct world world_with(struct scratch *s, const char *settings)
{
    struct error e = {0};
    open_log(s);
    struct config *config = make_config(s, settings, ROUTES_TWO);
    make_folder(s, "hot/RANK");
    make_folder(s, "failed/RANK");
    struct world w = {.s = s, .service = service_new(config, &clock_fast, false, &e)};
    if (!w.service)
        fail_msg("%s", e.text);
    control_listen(w.service->control);
    return w;
}

static inline struct world world_new(struct scratch *s)
{
    return world_with(s, FAST);
}

static inline void fire(uv_handle_t *handle, void *unused)
{
    (void)unused;
    uv_timer_t *timer = (uv_timer_t *)handle;
    if (handle->type == UV_TIMER && uv_is_active(handle))
        timer->timer_cb(timer);
}

/* What the loop is woken for, or the client. Where nothing comes for a moment all timers fire: those of pauses look at the
 * clock themselves, and the server's, which try again what there was no memory for, need not be waited for. */
static inline void turn(struct world *w, const struct client *client)
{
    struct pollfd fds[] = {{.fd = uv_backend_fd(&w->service->loop), .events = POLLIN},
                           {.fd = client ? client->fd : -1, .events = POLLIN}};
    if (poll(fds, 2, MOMENT_MS) == 0)
        uv_walk(&w->service->loop, fire, NULL);
    uv_run(&w->service->loop, UV_RUN_NOWAIT);
}

/* Until the pool has nothing in work: whose memory fails is then the question's, and mem_set is told of no other thread. */
static inline void rest(struct world *w)
{
    const struct service *s = w->service;
    while (!control_idle(s->control) || !storage_idle(&s->storage) || !settle_idle(&s->settle) || s->scanner.in_work ||
           s->scanner.full || s->scanner.full_wanted)
        turn(w, NULL);
}

static inline void world_free(struct world *w)
{
    if (!w->service->rt.draining)
        service_stop(w->service);
    while (!w->service->closing)
        turn(w, NULL);
    uv_run(&w->service->loop, UV_RUN_DEFAULT);
    service_free(w->service);
    assert_false(exists(in(w->s, "shunt.sock")));
    log_close();
}

static inline void connect_to(struct world *w, struct client *client)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    *client = (struct client){.in = STR_INIT};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", in(w->s, "shunt.sock"));
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
}

/* target: below /api/v1; with two slashes: as it is. Lines with their ends may stand before the body, behind a '|'. */
static inline void say(struct client *client, const char *method, const char *target, const char *body)
{
    const char *headers = body + (body[0] == '|'), *bar = headers > body ? strchr(headers, '|') : NULL;
    int header_len = bar ? (int)(bar - headers) : 0;
    body = bar ? bar + 1 : body;
    char text[4096];
    int len = snprintf(text, sizeof text,
                       "%s %s%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%.*sContent-Length: %zu\r\n\r\n%s", method,
                       target[1] == '/' ? "" : "/api/v1", target[1] == '/' ? target + 1 : target, header_len, headers,
                       strlen(body), body);
    assert_int_equal(send(client->fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

static inline void hear(struct client *client)
{
    char bytes[65536];
    ssize_t n;
    while (!client->ended && (n = recv(client->fd, bytes, sizeof bytes, 0)) != 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break;
        str_add(&client->in, bytes, (size_t)n);
    }
    client->ended = true;
}

/* 0: the connection was cut. */
static inline int status_of(const struct client *client)
{
    return client->in.len > 12 ? atoi(client->in.bytes + 9) : 0;
}

static inline int answer_of(struct world *w, struct client *client)
{
    while (hear(client), !client->ended)
        turn(w, client);
    return status_of(client);
}

static inline void hang_up(struct client *client)
{
    close(client->fd);
    str_fini(&client->in);
}

static inline int ask(struct world *w, const char *method, const char *target, const char *body)
{
    struct client client;
    connect_to(w, &client);
    say(&client, method, target, body);
    int status = answer_of(w, &client);
    hang_up(&client);
    return status;
}

/* Answered with 503 or cut, or as it should be; and asked again, as it should be. spare: Jansson's parser runs over its
 * buffer where memory fails (scarce.h). */
static inline void ask_short_of_memory(struct world *w, const char *method, const char *target, const char *body,
                                       int wanted, bool spare)
{
    SCARCE_SWEEP (n) {
        rest(w);
        scarce_begin(n, 1);
        if (spare)
            scarce_spare_json();
        int status = ask(w, method, target, body);
        bool hit = scarce_end();
        if (status != wanted && !(hit && (status == 503 || status == 0)))
            fail_msg("%s %s, allocation %zu: %d", method, target, n, status);
    }
    assert_int_equal(ask(w, method, target, body), wanted);
}

static inline void nothing(struct work *work)
{
    (void)work;
}

/* The pool is made at its first use and keeps its size. */
static inline void make_pool_of_one(void)
{
    uv_loop_t loop;
    struct work work;
    uv_loop_init(&loop);
    work_set_threads(1);
    work_submit(&loop, &work, nothing, nothing);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
