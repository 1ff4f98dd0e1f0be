/* http_world.h: a server on a real loop, and raw clients on the same loop, so that a test turns both and waits for what
 * it wants to see, never for a time. A failure ends the test. */
#ifndef SHUNT_TEST_HTTP_WORLD_H
#define SHUNT_TEST_HTTP_WORLD_H

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shunt/base/str.h"
#include "shunt/net/http_server.h"

#include "../io/scratch.h"

#define WORLD_HELD_MAX 256

struct client {
    uv_poll_t poll;
    int fd; /* -1: closed by us */
    struct str in;
    bool ended; /* by the server */
};

struct world {
    struct scratch *scratch;
    uv_loop_t loop;
    struct http_server *server;
    unsigned closed;
    struct http_request *held[WORLD_HELD_MAX]; /* by the routes that answer later */
    size_t n_held;
    struct http_stream *streams[WORLD_HELD_MAX];
    size_t n_streams;
    unsigned called; /* handlers */
    struct client *clients[WORLD_HELD_MAX];
    size_t n_clients;
};

#define until(world, condition)                                                                                        \
    while (!(condition))                                                                                               \
    turn(world)

/* Sleeps only where nothing is due: what a timer brings about is seen before it sleeps. */
static inline void turn(struct world *world)
{
    uv_run(&world->loop, uv_backend_timeout(&world->loop) == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
}

static inline void on_hello(struct http_request *request, void *context)
{
    ((struct world *)context)->called++;
    http_respond_text(request, 200, "hello\n");
}

/* What the server understood. */
static inline void on_echo(struct http_request *request, void *context)
{
    size_t len;
    const char *body = http_request_body(request, &len);
    const struct http_peer *peer = http_request_peer(request);
    ((struct world *)context)->called++;
    json_t *json = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s#, s:i, s:b, s:s}", "method",
                             http_request_method(request), "path", http_request_path(request), "name",
                             http_request_param(request, "name"), "q", http_request_query(request, "q"), "header",
                             http_request_header(request, "x-header"), "body", body, (int)len, "uid",
                             peer->local ? (int)peer->uid : -1, "local", (int)peer->local, "address", peer->address);
    assert_non_null(json);
    http_respond_json(request, 200, json);
    json_decref(json);
}

static inline void on_later(struct http_request *request, void *context)
{
    struct world *world = context;
    world->called++;
    world->held[world->n_held++] = request;
}

/* Answers all that wait, from inside another's handler, and then waits itself. */
static inline void on_release(struct http_request *request, void *context)
{
    struct world *world = context;
    while (world->n_held > 0)
        http_respond_text(world->held[--world->n_held], 200, "released\n");
    for (size_t i = 0; i < world->n_streams; i++)
        http_stream_write(world->streams[i], "released\n", 9);
    world->held[world->n_held++] = request;
}

static inline void on_stream(struct http_request *request, void *context)
{
    struct world *world = context;
    world->called++;
    struct http_stream *stream = http_stream_begin(request, "text/event-stream");
    if (stream)
        world->streams[world->n_streams++] = stream;
}

static inline void on_large(struct http_request *request, void *context)
{
    size_t len = 16U * 1024 * 1024;
    char *bytes = calloc(1, len);
    ((struct world *)context)->called++;
    http_respond(request, 200, "application/octet-stream", bytes, len);
    free(bytes);
}

static inline void on_world_closed(void *context)
{
    ((struct world *)context)->closed++;
}

static inline void on_stop(struct http_request *request, void *context)
{
    struct world *world = context;
    http_server_close(world->server, on_world_closed, world);
    world->server = NULL;
    http_respond_text(request, 200, "stopping\n");
}

static const struct http_route world_routes[] = {
    {.method = "GET", .path = "/hello", .handler = on_hello, .summary = "greets"},
    {.method = "GET", .path = "/echo/{name}", .handler = on_echo},
    {.method = "POST", .path = "/echo/{name}", .handler = on_echo, .max_body_bytes = 100000},
    {.method = "GET", .path = "/later", .handler = on_later},
    {.method = "POST", .path = "/later", .handler = on_later, .max_body_bytes = 1000},
    {.method = "GET", .path = "/stream", .handler = on_stream},
    {.method = "GET", .path = "/large", .handler = on_large},
    {.method = "POST", .path = "/release", .handler = on_release},
    {.method = "POST", .path = "/stop", .handler = on_stop},
};

static inline struct http_options world_options(void)
{
    return (struct http_options){HTTP_OPTIONS_DEFAULT, .routes = world_routes,
                                 .n_routes = sizeof world_routes / sizeof *world_routes};
}

/* root/sock */
static inline struct world *world_new(struct scratch *scratch, struct http_options options)
{
    struct world *world = calloc(1, sizeof *world);
    struct error e = {.code = 0};
    signal(SIGPIPE, SIG_IGN);
    world->scratch = scratch;
    uv_loop_init(&world->loop);
    options.context = world;
    assert_int_equal(http_server_new(&world->loop, &options, &world->server, &e), 0);
    if (http_server_listen_unix(world->server, in(scratch, "sock"), &e) != 0)
        fail_msg("%s", e.text);
    return world;
}

static inline void client_read(struct client *client)
{
    char bytes[65536];
    ssize_t n;
    while (!client->ended && (n = read(client->fd, bytes, sizeof bytes)) != 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break;
        str_add(&client->in, bytes, (size_t)n);
    }
    client->ended = true;
    uv_poll_stop(&client->poll);
}

static inline void on_client_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    client_read(poll->data);
}

static inline struct client *client_on(struct world *world, int fd)
{
    struct client *client = calloc(1, sizeof *client);
    client->fd = fd;
    str_init(&client->in);
    assert_int_equal(uv_poll_init(&world->loop, &client->poll, fd), 0);
    client->poll.data = client;
    uv_poll_start(&client->poll, UV_READABLE, on_client_ready);
    world->clients[world->n_clients++] = client;
    return client;
}

static inline struct client *client_local(struct world *world)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", in(world->scratch, "sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return client_on(world, fd);
}

static inline struct client *client_tcp(struct world *world, unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return client_on(world, fd);
}

static inline void say_bytes(struct client *client, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes += n;
        len -= (size_t)n;
    }
}

static inline void say(struct client *client, const char *text)
{
    say_bytes(client, text, strlen(text));
}

/* Reads nothing from now on. */
static inline void client_deafen(struct client *client)
{
    uv_poll_stop(&client->poll);
}

static inline void client_hear(struct client *client)
{
    uv_poll_start(&client->poll, UV_READABLE, on_client_ready);
}

/* Nothing that the loop polls is ready: it would not spin. Where it is, a turn is needed first. */
static inline bool is_calm(struct world *world)
{
    struct pollfd backend = {.fd = uv_backend_fd(&world->loop), .events = POLLIN};
    return poll(&backend, 1, 0) == 0 && uv_backend_timeout(&world->loop) > 0;
}

static inline void client_hang_up(struct client *client)
{
    if (client->fd < 0)
        return;
    uv_close((uv_handle_t *)&client->poll, NULL);
    close(client->fd);
    client->fd = -1;
}

static inline size_t count(const struct client *client, const char *text)
{
    size_t n = 0;
    for (const char *at = client->in.bytes; (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

static inline bool has(const struct client *client, const char *text)
{
    return strstr(client->in.bytes, text) != NULL;
}

/* One request, up to an answer with this text or the end of the connection. */
static inline const char *ask(struct world *world, struct client *client, const char *request, const char *wanted)
{
    str_clear(&client->in);
    say(client, request);
    until(world, has(client, wanted) || client->ended);
    if (!has(client, wanted))
        fail_msg("no \"%s\" but: %s", wanted, client->in.bytes);
    return client->in.bytes;
}

static inline const char *get_hello(struct world *world, struct client *client)
{
    return ask(world, client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nhello\n");
}

/* The server closes; what a test still holds is let go. */
static inline void world_stop(struct world *world)
{
    if (world->server)
        http_server_close(world->server, on_world_closed, world);
    for (size_t i = 0; i < world->n_held; i++)
        http_respond_text(world->held[i], 200, "too late\n");
    for (size_t i = 0; i < world->n_streams; i++)
        http_stream_close(world->streams[i]);
}

/* The loop has run dry. */
static inline void world_free_stopped(struct world *world)
{
    assert_int_equal(world->closed, 1);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    for (size_t i = 0; i < world->n_clients; i++) {
        str_fini(&world->clients[i]->in);
        free(world->clients[i]);
    }
    free(world);
}

static inline void world_free(struct world *world)
{
    world_stop(world);
    for (size_t i = 0; i < world->n_clients; i++)
        client_hang_up(world->clients[i]);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    world_free_stopped(world);
}

static inline json_t *echo(struct world *world, struct client *client, const char *request)
{
    const char *answer = ask(world, client, request, "}\n");
    json_t *json = json_loads(strstr(answer, "\r\n\r\n") + 4, 0, NULL);
    assert_non_null(json);
    return json;
}

static inline void assert_member(const json_t *json, const char *name, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(json, name)), value);
}

#endif
