/* control.c: see control.h. The socket's life, and the calls: one of a queue is in work at a time, since a store and a
 * folder are one at a time's anyway, and so that the pool's threads are not all ours. */
#include "shunt/service/control.h"

#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/service/certificate.h"
#include "shunt/service/upkeep.h"

#include "control_inner.h"

#define LISTEN_AGAIN_MS 5000

/* --- calls --- */

void *call_new(struct control *c, struct http_request *request, size_t size)
{
    struct call *call = mem_zalloc(size);
    if (!call) {
        http_respond_problem(request, 503, "out of memory");
        return NULL;
    }
    call->control = c;
    call->request = request;
    return call;
}

void call_free(struct call *call)
{
    if (call->fini)
        call->fini(call);
    json_decref(call->result);
    mem_free(call);
}

/* Not the question, but the store is at fault: it is closed, to be opened again for the next. */
static bool is_stores_fault(int code)
{
    return code != 0 && code != ERR_GONE && code != ERR_CONFLICT && code != ERR_USAGE && code != ERR_NOMEM;
}

static int read_once(struct call *call, struct error *e)
{
    struct control *c = call->control;
    const struct config *config = c->service->config;
    int rc = 0;
    if (!c->store)
        rc = store_open(&c->store, config->settings->store_url, config->data, STORE_READ, e);
    c->had_store = c->had_store || rc == 0;
    if (rc == ERR_GONE) {
        if (!c->had_store)
            return call->run(call, NULL, e);
        error_clear(e);
        return error_set(e, ERR_IO, "the store is gone");
    }
    rc = rc ? rc : call->run(call, c->store, e);
    if (is_stores_fault(rc)) {
        store_close(c->store);
        c->store = NULL;
    }
    return rc;
}

static void run_read(struct work *work)
{
    struct call *call = (struct call *)work;
    bool was_open = call->control->store != NULL;
    call->code = read_once(call, &call->error);
    if (was_open && is_stores_fault(call->code)) { /* another one may lie there by now */
        error_clear(&call->error);
        call->code = read_once(call, &call->error);
    }
}

static void run_plain(struct work *work)
{
    struct call *call = (struct call *)work;
    call->code = call->run(call, NULL, &call->error);
}

static void refuse(struct call *call)
{
    if (call->request && call->control->service->rt.draining)
        http_respond_problem(call->request, 503, "the service is stopping");
    else if (call->request)
        http_respond_problem(call->request, 503, "too much is asked at once; ask again later");
    call_free(call);
}

static void on_done(struct work *work);

/* The next one; those that no work request can be had for are refused. */
static void go_on(struct control *c, struct call_queue *queue)
{
    while (queue->head && !queue->busy) {
        struct call *call = queue->head;
        queue->head = call->next;
        if (!queue->head)
            queue->tail = &queue->head;
        queue->count--;
        bool begun = !c->service->rt.draining && work_submit(c->service->rt.loop, &call->work,
                                                             queue == &c->reads ? run_read : run_plain, on_done) == 0;
        queue->busy = begun;
        if (!begun)
            refuse(call);
    }
}

static void on_done(struct work *work)
{
    struct call *call = (struct call *)work;
    struct call_queue *queue = call->queue;
    struct control *c = call->control;
    queue->busy = false;
    if (queue == &c->reads)
        c->store_fails = is_stores_fault(call->code);
    call->done(call);
    go_on(c, queue);
}

bool call_begin(struct call *call, struct call_queue *queue)
{
    struct control *c = call->control;
    if (c->service->rt.draining || queue->count >= CALLS_MAX)
        return false;
    call->queue = queue;
    call->code = 0;
    error_clear(&call->error);
    call->next = NULL;
    *queue->tail = call;
    queue->tail = &call->next;
    queue->count++;
    go_on(c, queue);
    return true;
}

void call_begin_or_refuse(struct call *call, struct call_queue *queue)
{
    if (!call_begin(call, queue))
        refuse(call);
}

void call_fail(struct call *call)
{
    unsigned status = call->code == ERR_GONE ? 404 : call->code == ERR_CONFLICT ? 409 : 503;
    if (call->code == ERR_USAGE)
        status = 400;
    if (call->request)
        http_respond_problem(call->request, status, "%s", call->error.text);
    call_free(call);
}

/* --- what handlers share --- */

void api_who(const struct http_request *request, char out[WHO_MAX])
{
    snprintf(out, WHO_MAX, "%s", http_request_who(request));
}

void api_answer(struct http_request *request, unsigned status, json_t *json)
{
    http_respond_json(request, json ? status : 503, json);
    json_decref(json);
}

/* --- life --- */

static struct http_route *make_routes(const struct settings *s)
{
    struct http_route *routes = mem_alloc(control_n_routes * sizeof *control_routes);
    for (size_t i = 0; routes && i < control_n_routes; i++) {
        routes[i] = control_routes[i];
        if (routes[i].max_body_bytes == UPLOAD_BODY)
            routes[i].max_body_bytes = (size_t)s->max_upload_bytes;
    }
    return routes;
}

/* Tells the first of what is wrong; `shunt check` tells all. */
static int load_access(struct control *c, struct error *e)
{
    struct faults faults;
    faults_init(&faults);
    int rc = access_load(c->service->config, &c->gate.access, &faults);
    if (rc != 0)
        error_set(e, rc, "%s", faults.count > 0 ? faults.texts[0] : "out of memory");
    faults_fini(&faults);
    return rc;
}

/* One for the control socket, and, where the settings name a certificate, another for TCP. */
static int make_servers(struct control *c, struct http_options *options, struct error *e)
{
    const struct service *s = c->service;
    struct certificate certificate;
    struct faults faults;
    faults_init(&faults);
    int rc = certificate_load(s->config, &certificate, &faults);
    if (rc != 0)
        error_set(e, rc, "%s", faults.count > 0 ? faults.texts[0] : "out of memory");
    faults_fini(&faults);
    rc = rc ? rc : http_server_new(s->rt.loop, options, &c->server, e);
    if (rc == 0 && certificate.key) {
        options->certificate = certificate.certificate;
        options->key = certificate.key;
        rc = http_server_new(s->rt.loop, options, &c->over_tls, e);
    }
    certificate_fini(&certificate);
    return rc;
}

struct control *control_new(struct service *s, struct error *e)
{
    struct control *c = mem_zalloc(sizeof *c);
    if (!c) {
        error_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    c->service = s;
    c->reads.tail = &c->reads.head;
    c->moves.tail = &c->moves.head;
    c->submits.tail = &c->submits.head;
    c->logins.tail = &c->logins.head;
    c->checks.tail = &c->checks.head;
    c->feed = feed_new(&s->rt, api_write_status, c);
    c->routes = make_routes(s->config->settings);
    if (!c->feed || !c->routes) {
        control_free(c);
        error_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    struct http_options options = {HTTP_OPTIONS_DEFAULT, .routes = c->routes,   .n_routes = control_n_routes,
                                   .context = c,         .fields = gate_fields, .n_fields = gate_n_fields,
                                   .admit = gate_admit,  .over = gate_over,     .trust_loopback = true};
    options.max_stream_bytes = STREAM_BYTES_MAX;
    if (options.max_bodies_bytes < (size_t)s->config->settings->max_upload_bytes)
        options.max_bodies_bytes = (size_t)s->config->settings->max_upload_bytes;
    options.max_connections += (unsigned)s->config->settings->max_streams; /* they take no other's place */
    if (listen_parse(s->config->settings->http_listen, &c->address, e) != 0 || load_access(c, e) != 0 ||
        make_servers(c, &options, e) != 0) {
        control_close(c);
        control_free(c);
        return NULL;
    }
    s->jobs.feed = c->feed;
    return c;
}

static void listen_tcp(struct control *c);

static void on_again(struct wait *wait)
{
    struct control *c = (struct control *)((char *)wait - offsetof(struct control, again));
    if (!c->service->rt.draining)
        listen_tcp(c);
}

/* An older instance that is being replaced still has it, say: routing does not wait for that. */
static void listen_tcp(struct control *c)
{
    const struct listen_address *at = &c->address;
    bool v6 = strchr(at->host, ':');
    unsigned port = at->port;
    struct error e = {0};
    if (http_server_listen_tcp(c->over_tls ? c->over_tls : c->server, at->host, port, &port, &e) == 0) {
        log_info("http", "Dashboard and API: http%s://%s%s%s:%u/", c->over_tls ? "s" : "", v6 ? "[" : "", at->host,
                 v6 ? "]" : "", port);
        c->no_address = e;
        return;
    }
    if (c->no_address.code == 0)
        log_write(LOG_EVENT(LOG_WARN, "http_failed", .error = e.text),
                  "There is no dashboard and no API on [http] listen = %s; routing goes on, and it is tried again",
                  c->service->config->settings->http_listen);
    c->no_address = e;
    wait_set(&c->service->rt, &c->again, LISTEN_AGAIN_MS, on_again);
}

static void listen_local(struct control *c)
{
    const struct service *s = c->service;
    struct error e = {0};
    char *path = config_control(s->config, s->instance.number);
    int rc = path ? http_server_listen_unix(c->server, path, &e) : error_set(&e, ERR_NOMEM, "out of memory");
    if (rc == 0)
        log_info("control", "Control socket: %s", path);
    else
        log_write(LOG_EVENT(LOG_WARN, "control_failed", .error = e.text),
                  "There is no control socket: nobody can ask the service or tell it anything, routing goes on");
    mem_free(path);
}

void control_listen(struct control *c)
{
    if (c->service->config->control)
        listen_local(c);
    if (!c->address.none)
        listen_tcp(c);
}

const struct error *control_no_address(const struct control *c)
{
    return &c->no_address;
}

bool control_idle(const struct control *c)
{
    return !c->reads.busy && !c->moves.busy && !c->submits.busy && !c->checks.busy && !c->logins.busy;
}

static void on_closed(void *context)
{
    (void)context; /* the loop runs until nothing is left of it */
}

void control_close(struct control *c)
{
    if (!c || !c->server)
        return;
    wait_cancel(&c->service->rt, &c->again);
    feed_close(c->feed);
    http_server_close(c->server, on_closed, c);
    if (c->over_tls)
        http_server_close(c->over_tls, on_closed, c);
    c->server = c->over_tls = NULL;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    c->service->jobs.feed = NULL;
    feed_free(c->feed);
    http_content_unref(c->metrics);
    store_close(c->store);
    mem_free(c->routes);
    gate_fini(&c->gate);
    mem_free(c);
}

void control_adopt_access(struct control *c, struct access *access)
{
    gate_adopt(&c->gate, access);
}

void control_retried(struct service *s, const struct control_retry *retried, size_t count, bool reroute,
                     const char *who)
{
    upkeep_save_now(
        s->upkeep); /* their rows will say what becomes of them now: that they failed is to be counted before */
    for (size_t i = 0; i < count; i++)
        log_write(
            LOG_EVENT(LOG_INFO, "retried", .client = retried[i].client, .file = retried[i].name, .job = retried[i].id),
            "Put back into the hot folder by %s: %s%s%s%s", who, retried[i].folder, retried[i].folder[0] ? "/" : "",
            retried[i].name, reroute ? ", to be delivered everywhere" : "");
}
