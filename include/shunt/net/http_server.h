/* http_server.h: an HTTP/1.1 server on the loop, for the control socket and for TCP: one table of routes, any number of
 * listeners, answers at once, later, or as a stream.
 *
 * Happy way: http_server_new -> http_server_listen_... -> handlers run -> http_server_close -> on_closed, after which
 * nothing of it is left. A handler is called once for each request that is whole (its body read up to the route's
 * limit). It must answer once: at once or later from the loop, by one of http_respond... or by http_stream_begin;
 * also when the client has gone away meanwhile or the server was closed, which it need not know: then the answer is
 * thrown away. Until then the request and what its accessors return (but for headers, see there) stays where it is.
 *
 * A GET's 200 (but no stream) gets a strong ETag of its bytes and, where text or JSON of some size is asked for so, gzip;
 * who has it already is answered 304.
 *
 * The server answers by itself, as problem documents (RFC 9457): 400 what is no path or no UTF-8, 404, 405 with Allow,
 * 413 a body above the limit, 503 with Retry-After a body for which those that are there leave no room, 503 a request
 * that was not answered before the server was closed. What is not even HTTP
 * gets libmicrohttpd's own 400, 414 or 431, in HTML. GET routes answer HEAD.
 * A connection is cut that has sent no request for idle_ms, whose request is not whole request_ms after its first line,
 * or that does not take what we send for send_ms; at the latest a quarter of that, or 1 s, later.
 *
 * Errors: out of memory cuts the one connection or answers 503. Thread: loop.
 */
#ifndef SHUNT_NET_HTTP_SERVER_H
#define SHUNT_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include <jansson.h>
#include <uv.h>

#include "shunt/base/error.h"

#define HTTP_PATH_PARAMS_MAX      8  /* in one route's path */
#define HTTP_QUERY_PARAMS_MAX     32 /* more: 400 */
#define HTTP_RESPONSE_HEADERS_MAX 16 /* set by `admit` and a handler */
#define HTTP_WHO_MAX              64
#define HTTP_GZIP_MIN_BYTES       1024
#define HTTP_GZIP_LOOP_BYTES      (16UL * 1024)       /* larger ones are made smaller by the pool, not by the loop */
#define HTTP_GZIP_MAX_BYTES       (4UL * 1024 * 1024) /* larger ones are sent as they are */
#define HTTP_SOCKET_PATH_MAX      (sizeof((struct sockaddr_un *)0)->sun_path - 1)

struct http_server;
struct http_request;
struct http_stream;

typedef void (*http_handler)(struct http_request *request, void *context);

/* Of a path, a query or the headers; a list of them ends with a NULL name. */
struct http_parameter {
    const char *name, *text, *example;
};

struct http_route {
    const char *method; /* "GET", "POST" ... */
    const char *path;   /* "/jobs/{id}": a {name} is one whole segment, decoded, never empty */
    http_handler handler;
    size_t max_body_bytes; /* 0: a body is refused */
    /* What follows is for the handlers and the description of the API; the server does not look at it. */
    const char *role;
    const char *summary;
    const struct http_parameter *path_params, *query, *headers; /* NULL: none */
    const char *body, *body_type;                               /* a schema's name; NULL: none, JSON */
    const char *answer, *answer_type;                           /* the same, of success */
    unsigned status;                                            /* of success; 0: 200 */
    unsigned also; /* the same is answered with this status too; 0: with none */
    const char *also_text;
};

struct http_field {
    const char *name, *value;
};

struct http_options {
    const struct http_route *routes; /* borrowed for the life of the server; the first that fits wins */
    size_t n_routes;
    void *context;            /* for the handlers */
    size_t max_header_bytes;  /* request line, headers and what is made of them (cookies count twice) */
    size_t max_stream_bytes;  /* not yet taken by the client of one stream */
    size_t max_bodies_bytes;  /* bodies of all requests, from what their headers announce until they are answered */
    unsigned max_connections; /* each listener; further ones wait to be accepted */
    unsigned max_per_address; /* TCP; further ones are closed */
    bool trust_loopback;      /* but not of this machine's own: a proxy there speaks for many */
    unsigned idle_ms, request_ms, send_ms;
    const struct http_field *fields; /* on every answer, unless its handler set one of that name; borrowed */
    size_t n_fields;
    const char *certificate,
        *key; /* PEM; NULL: no TLS. With them every listener speaks it. Borrowed for http_server_new */
    /* Called when a request's line and headers are there and nothing of its body is read; its route is NULL where the
     * server answers by itself. False: it has answered, no handler is called. NULL: all are let in. */
    bool (*admit)(struct http_request *request, void *context);
    /* Called when a request is over, with the status that was answered (0: none). NULL: nobody is told. */
    void (*over)(const struct http_request *request, unsigned status, double ms, void *context);
};
#define HTTP_OPTIONS_DEFAULT                                                                                           \
    .max_header_bytes = 32768, .max_stream_bytes = 65536, .max_bodies_bytes = 64UL * 1024 * 1024,                      \
    .max_connections = 1024, .max_per_address = 64, .idle_ms = 60000, .request_ms = 30000, .send_ms = 60000

int http_server_new(uv_loop_t *loop, const struct http_options *options, struct http_server **server, struct error *e);

/* Mode 0600 from its first moment. What a dead process left is replaced; ERR_BUSY: somebody listens there. Two that
 * start at the same instant are kept apart by the caller (the instance's lock). Removed by http_server_close. */
int http_server_listen_unix(struct http_server *server, const char *path, struct error *e);
/* address: numeric, IPv4 or IPv6. port 0: any. *bound, may be NULL: the port. */
int http_server_listen_tcp(struct http_server *server, const char *address, unsigned port, unsigned *bound,
                           struct error *e);

/* Ends all at once: no new connections, open requests get 503, streams end. May be called by a handler. on_closed is
 * called once, later. */
void http_server_close(struct http_server *server, void (*on_closed)(void *context), void *context);

struct http_peer {
    bool local; /* the UNIX socket: uid and pid are known, else address and port */
    uid_t uid;
    pid_t pid;
    char address[64];
    unsigned port;
    bool tls;
};

/* NULL: there is none. */
const struct http_route *http_request_route(const struct http_request *request);
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request); /* as it was sent, without the query */
const char *http_request_param(const struct http_request *request, const char *name);
const char *http_request_query(const struct http_request *request, const char *name);  /* the first of that name */
const char *http_request_query_name(const struct http_request *request, size_t index); /* NULL: there are no more */
/* Any case. Also NULL once the client has gone: to be read, and copied, by the handler at once. */
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_body(const struct http_request *request, size_t *len); /* NUL-terminated */
/* A field of a body that is application/x-www-form-urlencoded, the first of that name. NULL: not there, no such body, more
 * than HTTP_QUERY_PARAMS_MAX fields, no UTF-8, or no memory. */
const char *http_request_form(struct http_request *request, const char *name);
const struct http_peer *http_request_peer(const struct http_request *request);

/* Who asks, as `admit` has found out; "" until it is set. Cut at HTTP_WHO_MAX. */
void http_request_set_who(struct http_request *request, const char *who);
const char *http_request_who(const struct http_request *request);

/* Before the answer. name is a constant, value is copied. A value that is no header's makes the answer a 500. */
void http_request_set_header(struct http_request *request, const char *name, const char *value);

/* bytes are copied. NULL: no memory; http_respond_content then answers 503. */
struct http_content;
struct http_content *http_content_new(const void *bytes, size_t len);
void http_content_unref(struct http_content *content);

/* Each takes the request: it is not touched afterwards. */
void http_respond(struct http_request *request, unsigned status, const char *type, const void *bytes, size_t len);
/* Status 200, with bytes that many answers share: they are made smaller once, and freed when the last has been sent. */
void http_respond_content(struct http_request *request, const char *type, struct http_content *content);
void http_respond_text(struct http_request *request, unsigned status, const char *text);
void http_respond_json(struct http_request *request, unsigned status, const json_t *json); /* borrowed */
void http_respond_problem(struct http_request *request, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the request; status 200. NULL: no memory, answered with 503. The stream is closed by http_stream_close, always,
 * once. A write never blocks. ERR_GONE: the client has gone, takes nothing for send_ms or less than was written, or the
 * server was closed; nothing more will be sent. That a client has gone shows at the next write but one: a stream needs
 * a heartbeat. */
struct http_stream *http_stream_begin(struct http_request *request, const char *type);
int http_stream_write(struct http_stream *stream, const void *bytes, size_t len);
/* Bytes that were written and that the client has not begun to take. ERR_GONE: as for a write. */
ssize_t http_stream_waiting(const struct http_stream *stream);
void http_stream_close(struct http_stream *stream); /* what was written is still sent */
void http_stream_cut(struct http_stream *stream);   /* closes it; what was written is lost with the connection */

#endif
