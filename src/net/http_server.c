/* http_server.c: libmicrohttpd without a thread of its own, turned by the loop.
 *
 * Happy way: its epoll descriptor is polled by the loop; when something is ready it runs, calls us back (a request line,
 * more of a request, completed, connection begun or closed), and is asked whether it has more to do at once, which a
 * timer of 0 ms does. It knows no time-outs: each connection has one deadline of ours, swept by a coarse timer; to cut
 * one its socket is shut down, which libmicrohttpd sees and cleans up. So are those whose client has gone.
 *
 * Closing, never from inside libmicrohttpd: what is suspended is woken (it aborts the process otherwise), what is open
 * is answered, it runs until it has nothing to do, and is stopped; then it has let go of all requests and connections.
 * The server's memory goes with the last of its handles. */
#include <assert.h>
#include <limits.h>
#include <utlist.h>

#include "shunt/base/mem.h"

#include "http_internal.h"

#define SWEEP_MAX_MS 1000
#define TURNS_AT_ONCE                                                                                                  \
    64 /* without news; then with pauses: half a TLS greeting is something to do for libmicrohttpd, for ever */
#define TURN_PAUSE_MS 2
#define LAST_RUNS     64
#define TLS_VERSIONS  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static void stop(struct http_server *server);
static void on_again(uv_timer_t *timer);

/* libmicrohttpd itself does not count a resumed connection as something to do. */
void http_server_again(struct http_server *server)
{
    server->woken = true;
    server->turns = 0;
    if (!server->running && !server->closing)
        uv_timer_start(&server->again, on_again, 0, 0);
}

static void run(struct http_server *server)
{
    server->woken = false;
    server->running = true;
    MHD_run(server->daemon);
    server->running = false;
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (server->closing)
        stop(server);
    else if (server->woken)
        uv_timer_start(&server->again, on_again, 0, 0);
    else if (MHD_get_timeout(server->daemon, &ms) == MHD_YES)
        uv_timer_start(&server->again, on_again, ms == 0 && server->turns++ > TURNS_AT_ONCE ? TURN_PAUSE_MS : ms, 0);
    else
        uv_timer_stop(&server->again);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct http_server *server = poll->data;
    server->turns = 0;
    run(server);
}

static void on_again(uv_timer_t *timer)
{
    run(timer->data);
}

void http_connection_limit(struct http_connection *connection, unsigned ms)
{
    connection->deadline_ms = ms > 0 ? (int64_t)uv_now(connection->server->loop) + ms : 0;
}

void http_connection_cut(struct http_connection *connection)
{
    connection->deadline_ms = 0;
    shutdown(connection->fd, SHUT_RDWR);
    if (connection->request && connection->request->stream) {
        connection->request->stream->cut = true;
        http_request_wake(connection->request);
    }
}

/* In the middle of a request, or between two: libmicrohttpd does not see an end that came with the last bytes before it.
 * Who only stops sending when his requests are whole waits for the answers; so what was read already gets a sweep's time. */
static bool has_hung_up(struct http_connection *connection)
{
    const struct http_request *request = connection->request;
    char byte;
    bool ended = !(request && (request->started || request->answered)) &&
                 recv(connection->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
    bool before = connection->ended;
    connection->ended = ended;
    return ended && before;
}

static void on_sweep(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    int64_t now = (int64_t)uv_now(server->loop);
    bool needed = server->connections != NULL;
    struct http_connection *connection;
    DL_FOREACH (server->connections, connection) {
        bool late = connection->deadline_ms != 0 && connection->deadline_ms <= now;
        if (late || has_hung_up(connection))
            http_connection_cut(connection);
    }
    struct http_listener *listener;
    DL_FOREACH (server->listeners, listener) {
        http_listener_resume(listener);
        needed = needed || !listener->polling;
    }
    if (!needed)
        uv_timer_stop(timer);
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void http_server_sweep(struct http_server *server)
{
    const struct http_options *options = &server->options;
    uint64_t shortest = at_most(options->idle_ms, at_most(options->request_ms, options->send_ms));
    uint64_t pause = at_most(shortest / 4 + 1, SWEEP_MAX_MS);
    if (!uv_is_active((uv_handle_t *)&server->sweep))
        uv_timer_start(&server->sweep, on_sweep, pause, pause);
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **own,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct http_connection *connection = server->accepting;
        server->accepting = NULL;
        *own = connection;
        connection->mhd = mhd;
        connection->listener->n_connections++;
        DL_APPEND(server->connections, connection);
        http_connection_limit(connection, server->options.idle_ms);
        return;
    }
    struct http_connection *connection = *own;
    DL_DELETE(server->connections, connection);
    connection->listener->n_connections--;
    if (!server->closing)
        http_listener_resume(connection->listener);
    mem_free(connection);
}

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void *on_request_line(void *context, const char *uri, struct MHD_Connection *mhd)
{
    struct http_server *server = context;
    struct http_connection *connection = connection_of(mhd);
    http_connection_limit(connection, server->options.request_ms);
    connection->ended = false;
    connection->request = http_request_new(connection, uri ? uri : "");
    return connection->request;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *bytes, size_t *len, void **own)
{
    (void)context;
    (void)mhd;
    (void)url; /* decoded by libmicrohttpd as a whole, so that a %2F is lost in it */
    return *own ? http_request_more(*own, method, version, bytes, len) : MHD_NO;
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **own, enum MHD_RequestTerminationCode why)
{
    (void)why;
    struct http_server *server = context;
    http_connection_limit(connection_of(mhd), server->options.idle_ms);
    if (*own)
        http_request_gone(*own);
    *own = NULL;
}

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    const struct http_options *options = &server->options;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (char *)(uintptr_t)options->certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (char *)(uintptr_t)options->key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_VERSIONS},
                                   {MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | (options->key ? MHD_USE_TLS : 0), 0, NULL,
        NULL, on_request, server, MHD_OPTION_ARRAY, options->key ? tls : &tls[3], MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)INT_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->max_header_bytes, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_URI_LOG_CALLBACK,
        on_request_line, server, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

int http_server_new(uv_loop_t *loop, const struct http_options *options, struct http_server **out, struct error *e)
{
    assert(options->max_connections > 0 && options->idle_ms > 0 && options->request_ms > 0 && options->send_ms > 0);
    struct http_server *server = mem_zalloc(sizeof *server);
    if (!server)
        return error_set(e, ERR_NOMEM, "out of memory");
    server->loop = loop;
    server->options = *options;
    server->daemon = start_daemon(server);
    server->tls = options->key != NULL;
    server->options.certificate = server->options.key = NULL;
    if (!server->daemon) {
        mem_free(server);
        return error_set(e, ERR_NOFILES, "cannot start the HTTP server: no memory or no descriptors");
    }
    int fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int rc = uv_poll_init(loop, &server->poll, fd);
    if (rc != 0) {
        MHD_stop_daemon(server->daemon);
        mem_free(server);
        return error_errno(e, -rc, "cannot start the HTTP server");
    }
    uv_timer_init(loop, &server->again);
    uv_timer_init(loop, &server->sweep);
    server->poll.data = server->again.data = server->sweep.data = server;
    uv_poll_start(&server->poll, UV_READABLE, on_ready);
    server->n_handles = 3;
    *out = server;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    http_server_handle_closed(handle->data);
}

void http_server_handle_closed(struct http_server *server)
{
    if (--server->n_handles > 0)
        return;
    void (*on_closed)(void *context) = server->on_closed;
    void *context = server->on_closed_context;
    mem_free(server);
    on_closed(context);
}

/* All that is open gets its end; what the kernel does not take at once is lost with the connection. */
static void finish(struct http_server *server)
{
    struct http_connection *connection;
    DL_FOREACH (server->connections, connection) {
        if (connection->request)
            http_request_wake(connection->request);
    }
    MHD_UNSIGNED_LONG_LONG ms = 0;
    for (unsigned i = 0; i < LAST_RUNS; i++) {
        MHD_run(server->daemon);
        if (MHD_get_timeout(server->daemon, &ms) != MHD_YES || ms > 0)
            break;
    }
}

static void stop(struct http_server *server)
{
    struct http_listener *listener, *next;
    uv_poll_stop(&server->poll); /* before its descriptor goes */
    finish(server);
    MHD_stop_daemon(server->daemon);
    DL_FOREACH_SAFE (server->listeners, listener, next) {
        http_listener_close(listener);
    }
    uv_close((uv_handle_t *)&server->poll, on_handle_closed);
    uv_close((uv_handle_t *)&server->again, on_handle_closed);
    uv_close((uv_handle_t *)&server->sweep, on_handle_closed);
}

void http_server_close(struct http_server *server, void (*on_closed)(void *context), void *context)
{
    server->closing = true;
    server->on_closed = on_closed;
    server->on_closed_context = context;
    if (!server->running)
        stop(server);
}
