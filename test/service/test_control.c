/* test_control.c: the control socket of a whole service, by raw clients. The test turns the loop itself and waits for
 * answers, never for a time. The pool has one thread, which a test may keep busy. Scanner and upkeep are not started:
 * only what is asked for happens. */
#define SCARCE_STRIDE 3

#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "shunt/service/control.h"
#include "shunt/service/feed.h"
#include "shunt/service/reload.h"
#include "shunt/service/service.h"

#include "../scarce.h"
#include "parts.h"

#define FAST                                                                                                           \
    "[service]\ndrain_timeout = 1h\n[intake]\nsettle = 100ms\nsettle_complete = 10ms\n[delivery]\ndurability = none\n" \
    "hang = 1h\n[retry]\nfirst = 10ms\nmax = 10ms\n[store]\nkeep_jobs = 0\n"
#define QUEUE       64 /* calls that wait */
#define CLIENTS     100
#define MOMENT_MS   5
#define STREAM_ROOM 262144

struct world {
    struct scratch *s;
    struct service *service;
};

struct client {
    int fd;
    struct str in;
    bool ended;
};

static struct world world_with(struct scratch *s, const char *settings)
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

static struct world world_new(struct scratch *s)
{
    return world_with(s, FAST);
}

static void fire(uv_handle_t *handle, void *unused)
{
    (void)unused;
    uv_timer_t *timer = (uv_timer_t *)handle;
    if (handle->type == UV_TIMER && uv_is_active(handle))
        timer->timer_cb(timer);
}

/* What the loop is woken for, or the client. Where nothing comes for a moment all timers fire: those of pauses look at the
 * clock themselves, and the server's, which try again what there was no memory for, need not be waited for. */
static void turn(struct world *w, const struct client *client)
{
    struct pollfd fds[] = {{.fd = uv_backend_fd(&w->service->loop), .events = POLLIN},
                           {.fd = client ? client->fd : -1, .events = POLLIN}};
    if (poll(fds, 2, MOMENT_MS) == 0)
        uv_walk(&w->service->loop, fire, NULL);
    uv_run(&w->service->loop, UV_RUN_NOWAIT);
}

/* Until the pool has nothing in work: whose memory fails is then the question's, and mem_set is told of no other thread. */
static void rest(struct world *w)
{
    const struct service *s = w->service;
    while (!control_idle(s->control) || !storage_idle(&s->storage) || !settle_idle(&s->settle) || s->scanner.in_work ||
           s->scanner.full || s->scanner.full_wanted)
        turn(w, NULL);
}

static void world_free(struct world *w)
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

static void connect_to(struct world *w, struct client *client)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    *client = (struct client){.in = STR_INIT};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", in(w->s, "shunt.sock"));
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
}

/* target: below /api/v1; with two slashes: as it is. Lines with their ends may stand before the body, behind a '|'. */
static void say(struct client *client, const char *method, const char *target, const char *body)
{
    const char *bar = body[0] == '|' ? strchr(body + 1, '|') : NULL;
    int header_len = bar ? (int)(bar - body - 1) : 0;
    const char *headers = body + 1;
    body = bar ? bar + 1 : body;
    char text[4096];
    int len = snprintf(text, sizeof text,
                       "%s %s%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%.*sContent-Length: %zu\r\n\r\n%s", method,
                       target[1] == '/' ? "" : "/api/v1", target[1] == '/' ? target + 1 : target, header_len, headers,
                       strlen(body), body);
    assert_int_equal(send(client->fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

static void hear(struct client *client)
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
static int status_of(const struct client *client)
{
    return client->in.len > 12 ? atoi(client->in.bytes + 9) : 0;
}

static int answer_of(struct world *w, struct client *client)
{
    while (hear(client), !client->ended)
        turn(w, client);
    return status_of(client);
}

static void hang_up(struct client *client)
{
    close(client->fd);
    str_fini(&client->in);
}

static int ask(struct world *w, const char *method, const char *target, const char *body)
{
    struct client client;
    connect_to(w, &client);
    say(&client, method, target, body);
    int status = answer_of(w, &client);
    hang_up(&client);
    return status;
}

/* --- rows of the store --- */

static void add_failed(struct world *w, const char *id, const char *name)
{
    struct error e = {0};
    struct store *store;
    char file[64];
    snprintf(file, sizeof file, "failed/RANK/20260206_153046_%s", name);
    put(in(w->s, file), TICKET("RANK"));
    const struct store_job job = {.id = id,
                                  .source = "ticket",
                                  .phase = "REALTIME",
                                  .folder = "RANK",
                                  .name = name,
                                  .client = "RANK",
                                  .path = in(w->s, file),
                                  .status = STATUS_FAILED,
                                  .created_ms = 1770388246000,
                                  .error = "why"};
    const struct config *config = w->service->config;
    assert_int_equal(store_open(&store, config->settings->store_url, config->data, STORE_WRITE, &e), 0);
    assert_int_equal(store_record(store, &job, 1, &e), 0);
    store_close(store);
}

/* --- the pool's only thread --- */

struct blocker {
    struct work work;
    sem_t go;
    bool done;
};

static void wait_for_word(struct work *work)
{
    sem_wait(&((struct blocker *)work)->go);
}

static void on_unblocked(struct work *work)
{
    ((struct blocker *)work)->done = true;
}

static void block(struct world *w, struct blocker *b)
{
    *b = (struct blocker){.done = false};
    sem_init(&b->go, 0, 0);
    assert_int_equal(work_submit(&w->service->loop, &b->work, wait_for_word, on_unblocked), 0);
}

static void unblock(struct world *w, struct blocker *b)
{
    sem_post(&b->go);
    while (!b->done)
        turn(w, NULL);
    sem_destroy(&b->go);
}

static void more_than_the_queue_holds_is_refused_at_once_and_the_rest_is_answered(void **state)
{
    struct world w = world_new(*state);
    struct blocker blocker;
    struct client clients[CLIENTS];
    size_t refused = 0, fine = 0;
    block(&w, &blocker);
    for (size_t i = 0; i < CLIENTS; i++) {
        connect_to(&w, &clients[i]);
        say(&clients[i], "GET", "/jobs", "");
    }
    while (refused < CLIENTS - QUEUE - 1) {
        turn(&w, NULL);
        refused = 0;
        for (size_t i = 0; i < CLIENTS; i++) {
            hear(&clients[i]);
            refused += clients[i].ended && status_of(&clients[i]) == 503;
        }
    }
    assert_int_equal(ask(&w, "GET", "/destinations", ""), 200); /* the loop goes on */
    assert_int_equal(ask(&w, "GET", "/status", ""), 200);       /* without totals */
    unblock(&w, &blocker);
    for (size_t i = 0; i < CLIENTS; i++) {
        fine += answer_of(&w, &clients[i]) == 200;
        hang_up(&clients[i]);
    }
    assert_int_equal(fine, QUEUE + 1);
    world_free(&w);
}

static void a_stop_waits_for_the_answer_in_work_and_begins_no_other(void **state)
{
    struct world w = world_new(*state);
    struct blocker blocker;
    struct client first, second, status;
    add_failed(&w, "id", "x.json");
    assert_int_equal(ask(&w, "GET", "/jobs", ""), 200); /* the store is open */
    block(&w, &blocker);
    connect_to(&w, &first);
    say(&first, "GET", "/jobs", "");
    assert_int_equal(ask(&w, "GET", "/destinations", ""), 200); /* by now the first is in work */
    service_stop(w.service);
    connect_to(&w, &second);
    say(&second, "POST", "/retry", "{\"all\":true}");
    assert_int_equal(answer_of(&w, &second), 503);
    connect_to(&w, &status);
    say(&status, "GET", "/status", "");
    assert_int_equal(answer_of(&w, &status), 200);
    assert_non_null(strstr(status.in.bytes, "\"draining\""));
    assert_non_null(strstr(status.in.bytes, "\"totals\":null"));
    assert_int_equal(ask(&w, "POST", "/scan", ""), 503);
    assert_false(w.service->closing);
    unblock(&w, &blocker);
    assert_int_equal(answer_of(&w, &first), 200);
    assert_true(exists(in(w.s, "failed/RANK/20260206_153046_x.json")));
    hang_up(&first);
    hang_up(&second);
    hang_up(&status);
    world_free(&w);
}

static void who_hangs_up_before_the_answer_leaves_nothing(void **state)
{
    struct world w = world_new(*state);
    struct blocker blocker;
    struct client client;
    block(&w, &blocker);
    for (int i = 0; i < 10; i++) {
        connect_to(&w, &client);
        say(&client, i % 2 ? "GET" : "POST", i % 2 ? "/jobs/x" : "/retry", i % 2 ? "" : "{\"ids\":[\"x\"]}");
        assert_int_equal(ask(&w, "GET", "/destinations", ""), 200);
        hang_up(&client);
    }
    unblock(&w, &blocker);
    assert_int_equal(ask(&w, "GET", "/jobs", ""), 200);
    world_free(&w);
}

/* --- no memory --- */

/* Answered with 503 or cut, or as it should be; and asked again, as it should be. spare: Jansson's parser runs over its
 * buffer where memory fails (scarce.h). */
static void ask_short_of_memory(struct world *w, const char *method, const char *target, const char *body, int wanted,
                                bool spare)
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

static void no_memory_for_an_answer_is_told_and_the_next_one_comes(void **state)
{
    struct world w = world_new(*state);
    add_failed(&w, "01234567-aaaa", "x.json");
    ask_short_of_memory(&w, "GET", "/status", "", 200, false);
    ask_short_of_memory(&w, "GET", "/destinations", "", 200, false);
    ask_short_of_memory(&w, "GET", "/jobs?status=failed&client=RANK&since=2020-01-01&limit=5", "", 200, false);
    ask_short_of_memory(&w, "GET", "/jobs?status=x", "", 400, false);
    ask_short_of_memory(&w, "GET", "/jobs/01234567-aaaa", "", 200, true);
    ask_short_of_memory(&w, "GET", "/jobs/nothing", "", 404, false);
    ask_short_of_memory(&w, "POST", "/jobs/01234567-aaaa/cancel", "", 409, true);
    ask_short_of_memory(&w, "POST", "/destinations/a/hold", "", 200, false);
    ask_short_of_memory(&w, "POST", "/destinations/a/release", "", 200, false);
    ask_short_of_memory(&w, "POST", "/scan", "", 202, false);
    ask_short_of_memory(&w, "GET", "/stats", "", 200, false);
    ask_short_of_memory(&w, "GET", "/stats?date=2020-02-06", "", 404, false);
    ask_short_of_memory(&w, "GET", "/clients", "", 200, false);
    ask_short_of_memory(&w, "GET", "/routes", "", 200, false);
    ask_short_of_memory(&w, "GET", "/settings", "", 200, false);
    ask_short_of_memory(&w, "POST", "/explain?client=RANK", TICKET("RANK"), 200, false);
    ask_short_of_memory(&w, "POST", "/retry", "{\"all\":true,\"dry_run\":true}", 200, true);
    world_free(&w);
}

static void no_memory_while_tickets_go_back_loses_none(void **state)
{
    struct world w = world_new(*state);
    const char *failed = "failed/RANK/20260206_153046_x.json", *hot = "hot/RANK/x.json";
    add_failed(&w, "01234567-aaaa", "x.json");
    SCARCE_SWEEP (n) {
        rest(&w);
        scarce_begin(n, 1);
        scarce_spare_json();
        int status = ask(&w, "POST", "/retry", n % 2 ? "{\"all\":true}" : "{\"ids\":[\"x.json\"]}");
        bool hit = scarce_end();
        assert_true(status == 200 || (hit && (status == 503 || status == 0)));
        assert_true(exists(in(w.s, failed)) != exists(in(w.s, hot)));
        if (!hit)
            assert_true(exists(in(w.s, hot)));
        if (exists(in(w.s, hot)))
            assert_int_equal(rename(in(w.s, hot), in(w.s, failed)), 0);
    }
    world_free(&w);
}

/* A ticket whose destinations are held, in the service's hands. */
static void begin_waiting(struct world *w)
{
    put(in(w->s, "hot/RANK/w.json"), TICKET("RANK"));
    assert_true(intake_see(&w->service->intake, "RANK", "w.json", WAY_REALTIME, false, false));
    while (w->service->rt.ledger.waiting == 0)
        turn(w, NULL);
}

/* As many as it says are through, the last one too. */
static void until_failed(struct world *w, size_t count)
{
    int64_t difference;
    while (w->service->rt.ledger.failed < count || w->service->jobs.count > 0)
        turn(w, NULL);
    assert_true(ledger_balances(&w->service->rt.ledger, &difference));
}

static void a_job_that_waits_is_told_of_without_memory_too_and_then_cancelled(void **state)
{
    struct world w = world_new(*state);
    size_t count = 0;
    assert_int_equal(ask(&w, "POST", "/destinations/a/hold", ""), 200);
    assert_int_equal(ask(&w, "POST", "/destinations/b/hold", ""), 200);
    begin_waiting(&w);
    ask_short_of_memory(&w, "GET", "/jobs/w.json", "", 200, false);
    ask_short_of_memory(&w, "GET", "/deliveries", "", 200, false);
    assert_int_equal(ask(&w, "POST", "/jobs/w.json/cancel", ""), 200);
    until_failed(&w, ++count);
    SCARCE_SWEEP (n) {
        begin_waiting(&w);
        rest(&w);
        scarce_begin(n, 1);
        int status = ask(&w, "POST", "/jobs/w.json/cancel", "");
        bool hit = scarce_end();
        assert_true(status == 200 || (hit && (status == 503 || status == 0)));
        int again = status == 200 ? 409 : ask(&w, "POST", "/jobs/w.json/cancel", "");
        assert_true(again == 200 || again == 409); /* or it was done, and could not be told */
        until_failed(&w, ++count);
    }
    world_free(&w);
}

#define SENT(key, name)                                                                                                \
    "|Idempotency-Key: " key "\r\n|{\"job_id\":\"" name                                                                \
    "\",\"username\":\"u\",\"campaign\":\"c\",\"ticket\":" TICKET("RANK") "}"

static void no_memory_for_what_is_told_of_jobs_is_no_harm(void **state)
{
    struct world w = world_new(*state);
    ask_short_of_memory(&w, "GET", "//job-status/nothing", "", 404, false);
    ask_short_of_memory(&w, "GET", "//batch-status/nothing", "", 404, false);
    ask_short_of_memory(&w, "GET", "//jobs/active", "", 200, false);
    ask_short_of_memory(&w, "GET", "//memory-stats", "", 200, false);
    ask_short_of_memory(&w, "GET", "//health", "", 200, false);
    ask_short_of_memory(&w, "GET", "//worker-stats", "", 200, false);
    ask_short_of_memory(&w, "POST", "//process-job", "{}", 422, true);
    ask_short_of_memory(&w, "POST", "//process-batch", "[{}]", 202, true);
    ask_short_of_memory(&w, "POST", "//upload/NOBODY?name=a.json", "x", 404, false);
    world_free(&w);
}

static void until_delivered(struct world *w, size_t count)
{
    while (w->service->rt.ledger.archived_only + w->service->rt.ledger.delivered < count || w->service->jobs.count > 0)
        turn(w, NULL);
    assert_int_equal(w->service->rt.ledger.archived_only + w->service->rt.ledger.delivered, count);
}

/* Sent again until it is taken: it is there once, whatever was answered. */
static void no_memory_while_a_job_is_sent_neither_loses_nor_doubles_it(void **state)
{
    struct world w = world_new(*state);
    size_t count = 0;
    SCARCE_SWEEP (n) {
        char body[1024];
        snprintf(body, sizeof body, SENT("k%zu", "s%zu"), n, n);
        rest(&w);
        scarce_begin(n, 1);
        scarce_spare_json();
        int status = ask(&w, "POST", "//process-job", body);
        bool hit = scarce_end();
        if (status != 202 && !(hit && (status == 503 || status == 0)))
            fail_msg("allocation %zu: %d", n, status);
        int again = ask(&w, "POST", "//process-job", body);
        if (again != 200 && !(status != 202 && again == 202))
            fail_msg("allocation %zu: %d, then %d", n, status, again);
        until_delivered(&w, ++count);
    }
    rest(&w);
    world_free(&w);
}

static void no_memory_while_a_file_is_sent_leaves_it_whole_or_not_at_all(void **state)
{
    struct world w = world_new(*state);
    SCARCE_SWEEP (n) {
        char target[64], file[64];
        snprintf(target, sizeof target, "//upload/RANK?name=f%zu.json", n);
        snprintf(file, sizeof file, "hot/RANK/f%zu.json", n);
        rest(&w);
        scarce_begin(n, 1);
        int status = ask(&w, "POST", target, TICKET("RANK"));
        bool hit = scarce_end();
        assert_true(status == 201 || (hit && (status == 503 || status == 0)));
        assert_true(exists(in(w.s, file)) || status != 201);
        int again = ask(&w, "POST", target, TICKET("RANK"));
        assert_true(again == 409 || (again == 201 && status != 201));
        assert_file(in(w.s, file), TICKET("RANK"));
    }
    world_free(&w);
}

/* --- over TCP --- */

#define GUARDED  FAST "[http]\nlisten = 127.0.0.1:0\naccess = access\n"
#define TOKEN    "a-token-that-is-long-enough"
#define PASSWORD "password"
#define HASH     "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
#define FORM     "Content-Type: application/x-www-form-urlencoded\r\n"

static void put_access(struct scratch *s, const char *more)
{
    char text[1024], hex[2 * SHA256_SIZE + 1];
    uint8_t hash[SHA256_SIZE];
    files_sha256(TOKEN, strlen(TOKEN), hash);
    files_hex(hash, sizeof hash, hex);
    snprintf(text, sizeof text, "ci operate sha256:%s\nanna operate " HASH "\n%s", hex, more);
    put(in(s, "access"), text);
    assert_int_equal(chmod(in(s, "access"), 0600), 0);
}

static struct world guarded_new(struct scratch *s)
{
    put_access(s, "");
    return world_with(s, GUARDED);
}

static uint16_t port_of(struct world *w)
{
    char *text;
    size_t len;
    log_flush();
    assert_int_equal(files_read(in(w->s, "log"), 1 << 24, &text, &len, NULL), 0);
    const char *at = strstr(text, "http://127.0.0.1:");
    assert_non_null(at);
    unsigned long port = strtoul(at + strlen("http://127.0.0.1:"), NULL, 10);
    mem_free(text);
    return (uint16_t)port;
}

/* Each from an address of its own, so that no try is one too many. */
static struct client ask_from(struct world *w, uint16_t port, const char *line, const char *headers, const char *body)
{
    static unsigned addresses;
    char text[2048];
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000U + ++addresses)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct client client = {.in = STR_INIT};
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(client.fd, (struct sockaddr *)&from, sizeof from), 0);
    connect(client.fd, (struct sockaddr *)&to, sizeof to);
    struct pollfd ready = {.fd = client.fd, .events = POLLOUT};
    assert_int_equal(poll(&ready, 1, -1), 1);
    int len = snprintf(text, sizeof text,
                       "%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s", line,
                       strlen(body), headers, body);
    assert_int_equal(send(client.fd, text, (size_t)len, MSG_NOSIGNAL), len);
    answer_of(w, &client);
    return client;
}

static int status_from(struct world *w, uint16_t port, const char *line, const char *headers, const char *body)
{
    struct client client = ask_from(w, port, line, headers, body);
    int status = status_of(&client);
    hang_up(&client);
    return status;
}

/* Logs in; the header that a browser sends from then on. */
static void log_in(struct world *w, uint16_t port, char header[256])
{
    struct client client = ask_from(w, port, "POST /login", FORM, "token=" TOKEN);
    const char *cookie = strstr(client.in.bytes, "Set-Cookie: ");
    assert_non_null(cookie);
    cookie += strlen("Set-Cookie: ");
    snprintf(header, 256, "Cookie: %.*s\r\n", (int)strcspn(cookie, ";"), cookie);
    hang_up(&client);
}

/* Without memory nobody is let in who should not be, and the service lives. */
static void short_of_memory(struct world *w, uint16_t port, const char *line, const char *headers, const char *body,
                            int wanted)
{
    SCARCE_SWEEP (n) {
        rest(w);
        scarce_begin(n, 1);
        int status = status_from(w, port, line, headers, body);
        bool hit = scarce_end();
        if (status != wanted && !(hit && (status >= 400 || status == 0)))
            fail_msg("%s, allocation %zu: %d", line, n, status);
    }
    assert_int_equal(status_from(w, port, line, headers, body), wanted);
}

static void no_memory_at_the_gate_keeps_people_out_and_the_next_one_comes_in(void **state)
{
    struct world w = guarded_new(*state);
    char cookie[256];
    uint16_t port = port_of(&w);
    log_in(&w, port, cookie);
    short_of_memory(&w, port, "GET /api/v1/me", "Authorization: Bearer " TOKEN "\r\n", "", 200);
    short_of_memory(&w, port, "GET /metrics", "Authorization: Bearer " TOKEN "\r\n", "", 200);
    short_of_memory(&w, port, "GET /healthz", "", "", 200);
    short_of_memory(&w, port, "GET /readyz", "", "", 503); /* there was no start-up scan */
    short_of_memory(&w, port, "GET /api/v1/destinations", cookie, "", 200);
    short_of_memory(&w, port, "GET /openapi.json", "", "", 200);
    short_of_memory(&w, port, "GET /api/v1/destinations", "Authorization: Bearer " TOKEN "x\r\n", "", 401);
    short_of_memory(&w, port, "POST /api/v1/scan", "Sec-Fetch-Site: cross-site\r\n", "", 403);
    short_of_memory(&w, port, "POST /login", FORM, "token=" TOKEN, 303);
    short_of_memory(&w, port, "POST /login", FORM, "name=anna&password=" PASSWORD, 303);
    short_of_memory(&w, port, "POST /login", FORM "Accept: text/html\r\n", "name=anna&password=wrong", 401);
    short_of_memory(&w, port, "POST /logout", cookie, "", 303);
    assert_int_equal(status_from(&w, port, "GET /api/v1/destinations", cookie, ""), 401);
    world_free(&w);
}

static void read_again(struct world *w)
{
    reload_request(w->service->reload);
    while (!reload_idle(w->service->reload))
        turn(w, NULL);
}

static void an_access_file_that_cannot_be_taken_over_changes_nothing(void **state)
{
    struct world w = guarded_new(*state);
    char cookie[256];
    uint16_t port = port_of(&w);
    log_in(&w, port, cookie);
    SCARCE_SWEEP (n) {
        put_access(w.s, n % 2 ? "# one\n" : "# two\n");
        rest(&w);
        scarce_begin(n, 1);
        read_again(&w);
        scarce_end();
        assert_int_equal(status_from(&w, port, "GET /api/v1/destinations", cookie, ""), 200);
    }
    put(in(w.s, "access"), "nonsense\n");
    read_again(&w);
    assert_int_equal(status_from(&w, port, "GET /api/v1/destinations", cookie, ""), 200);
    assert_true(logged(w.s, "access_refused") > 0);
    put(in(w.s, "access"), "anna operate " HASH "\n");
    read_again(&w);
    assert_int_equal(status_from(&w, port, "GET /api/v1/destinations", cookie, ""), 401);
    world_free(&w);
}

static bool told(const struct client *client, const char *word)
{
    return client->in.len > 0 && strstr(client->in.bytes, word) != NULL;
}

/* Until it is told of one of them. False: its stream has ended. */
static bool is_told(struct world *w, struct client *client, const char *word, const char *other)
{
    while (hear(client), !client->ended && !told(client, word) && !told(client, other)) {
        feed_tick(w->service->jobs.feed);
        turn(w, client);
    }
    return !client->ended;
}

static void who_follows_is_told_all_or_begins_anew_or_is_cut_without_memory(void **state)
{
    struct world w = world_new(*state);
    assert_int_equal(ask(&w, "POST", "/destinations/a/hold", ""), 200);
    assert_int_equal(ask(&w, "POST", "/destinations/b/hold", ""), 200);
    begin_waiting(&w);
    const struct job *job = jobs_next(&w.service->jobs, NULL);
    SCARCE_SWEEP (n) {
        struct client client;
        char number[32];
        rest(&w);
        connect_to(&w, &client);
        str_reserve(&client.in, STREAM_ROOM); /* the client's own memory does not fail */
        scarce_begin(n, 1);
        say(&client, "GET", "/events", "");
        bool follows = is_told(&w, &client, "event: status", "event: status");
        snprintf(number, sizeof number, "\"ms\":%zu.0", n);
        feed_job(w.service->jobs.feed, job, STATUS_PENDING, (double)n);
        follows = follows && is_told(&w, &client, "event: job", "event: reset");
        bool hit = scarce_end();
        assert_true(hit || (follows && told(&client, "event: job")));
        if (told(&client, "event: job"))
            assert_true(told(&client, number));
        hang_up(&client);
    }
    world_free(&w);
}

static void nothing(struct work *work)
{
    (void)work;
}

/* The pool is made at its first use and keeps its size. */
static void make_pool_of_one(void)
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

int main(void)
{
    make_pool_of_one();
    const struct CMUnitTest tests[] = {
        T(more_than_the_queue_holds_is_refused_at_once_and_the_rest_is_answered),
        T(a_stop_waits_for_the_answer_in_work_and_begins_no_other),
        T(who_hangs_up_before_the_answer_leaves_nothing),
        T(no_memory_for_an_answer_is_told_and_the_next_one_comes),
        T(no_memory_while_tickets_go_back_loses_none),
        T(a_job_that_waits_is_told_of_without_memory_too_and_then_cancelled),
        T(no_memory_for_what_is_told_of_jobs_is_no_harm),
        T(no_memory_while_a_job_is_sent_neither_loses_nor_doubles_it),
        T(no_memory_while_a_file_is_sent_leaves_it_whole_or_not_at_all),
        T(no_memory_at_the_gate_keeps_people_out_and_the_next_one_comes_in),
        T(an_access_file_that_cannot_be_taken_over_changes_nothing),
        T(who_follows_is_told_all_or_begins_anew_or_is_cut_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
