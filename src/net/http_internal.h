/* http_internal.h: what the parts of the HTTP server share.
 *
 * Two hold a request: the connection, from the request line until libmicrohttpd says that it is completed, and the
 * handler, from its call until it has answered. `connection` is NULL as soon as the first of them has let go. */
#ifndef SHUNT_NET_HTTP_INTERNAL_H
#define SHUNT_NET_HTTP_INTERNAL_H

#include <stdint.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "shunt/base/str.h"
#include "shunt/net/http_server.h"

#define HTTP_SEGMENTS_MAX 16 /* of a path; more: 404 */

struct http_pair {
    const char *name; /* of name_len bytes */
    size_t name_len;
    const char *value;
};

/* A request's target, split and decoded. */
struct http_target {
    char *path; /* as it was sent; owns the text of all the others */
    const char *segments[HTTP_SEGMENTS_MAX];
    size_t n_segments;
    struct http_pair query[HTTP_QUERY_PARAMS_MAX];
    size_t n_query;
    struct http_pair params[HTTP_PATH_PARAMS_MAX]; /* names borrowed from the route */
    size_t n_params;
    bool too_deep; /* no route has so many segments */
};

int http_target_parse(struct http_target *target, const char *uri); /* ERR_SYNTAX, ERR_NOMEM */
void http_target_fini(struct http_target *target);
/* NULL: *status is 404 or 405. Fills params. */
const struct http_route *http_target_match(struct http_target *target, const struct http_route *routes, size_t n_routes,
                                           const char *method, unsigned *status);
void http_target_allow(struct http_target *target, const struct http_route *routes, size_t n_routes, struct str *allow);
/* Pairs of one kind; NULL: not there. */
const char *http_pair_find(const struct http_pair *pairs, size_t n, const char *name);

struct http_listener {
    struct http_server *server;
    uv_poll_t poll;
    int fd;
    bool polling;
    unsigned n_connections;
    char *path; /* the UNIX socket's, else NULL */
    dev_t dev;
    ino_t ino;
    struct http_listener *prev, *next;
};

struct http_connection {
    struct http_server *server;
    struct http_listener *listener;
    struct MHD_Connection *mhd;
    int fd; /* libmicrohttpd's */
    struct http_peer peer;
    int64_t deadline_ms; /* of the loop's clock; then it is cut. 0: none */
    bool ended;          /* its client sends no more, as the last sweep saw */
    struct http_request *request;
    struct http_connection *prev, *next;
};

struct http_server {
    uv_loop_t *loop;
    struct http_options options;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;     /* libmicrohttpd's epoll descriptor */
    uv_timer_t again;   /* libmicrohttpd has more to do */
    uv_timer_t sweep;   /* deadlines */
    unsigned n_handles; /* and requests that hold a part of bodies_bytes */
    size_t bodies_bytes;
    struct http_listener *listeners;
    struct http_connection *connections;
    struct http_connection *accepting; /* while libmicrohttpd takes it over */
    bool running;                      /* inside libmicrohttpd */
    bool woken;                        /* a connection was resumed: run again */
    unsigned turns;                    /* since there were news */
    bool closing;
    bool tls;
    void (*on_closed)(void *context);
    void *on_closed_context;
};

struct http_stream {
    struct http_request *request;
    struct str buffer;
    size_t taken; /* of buffer */
    bool ended;
    bool cut;
};

struct http_header {
    const char *name;
    char *value;
};

struct http_request {
    unsigned refs;
    struct http_connection *connection;
    const struct http_route *route;
    char method[16];
    struct http_peer peer;
    struct http_target target;
    struct str body;
    struct http_target *form; /* of the body; NULL: not asked for yet */
    unsigned verdict;         /* the status that the server itself answers; 0: a handler answers */
    bool judged, started, suspended, answered;
    bool crowded;               /* the verdict: there is no room for its body */
    struct http_server *holder; /* of held_bytes; NULL: none are */
    size_t held_bytes;
    char who[HTTP_WHO_MAX];
    uint64_t began_ns;
    struct http_header headers[HTTP_RESPONSE_HEADERS_MAX];
    size_t n_headers;
    bool bad_header;
    struct MHD_Response *response;
    unsigned status;
    struct http_stream *stream;
};

/* http_server.c */
void http_server_again(struct http_server *server);         /* libmicrohttpd has something to do */
void http_server_sweep(struct http_server *server);         /* from now on */
void http_server_handle_closed(struct http_server *server); /* a handle, or who held a body; the last frees it */
void http_connection_cut(struct http_connection *connection);
void http_connection_limit(struct http_connection *connection, unsigned ms);

/* http_listen.c */
void http_listener_resume(struct http_listener *listener);
void http_listener_close(struct http_listener *listener);

/* http_framing.c */
bool http_is_ambiguous(const struct http_request *request, const char *version);

/* http_request.c */
struct http_request *http_request_new(struct http_connection *connection, const char *uri);
enum MHD_Result http_request_more(struct http_request *request, const char *method, const char *version,
                                  const char *bytes, size_t *len);
void http_request_gone(struct http_request *request);
void http_request_unref(struct http_request *request);
void http_request_suspend(struct http_request *request);
void http_request_wake(struct http_request *request);

/* http_body.c. NULL: it stays as it is; else by mem, *len is set. */
char *http_body_gzip(const char *bytes, size_t *len);
#define HTTP_TAG_MAX 48
uint64_t http_body_hash(const char *bytes, size_t len);
void http_body_tag(uint64_t hash, size_t len, bool gzip, char out[HTTP_TAG_MAX]);
/* Is it in the list of an If-None-Match? */
bool http_tag_matches(const char *list, const char *tag);
bool http_type_shrinks(const char *type);
bool http_accepts_gzip(const char *accept_encoding);

/* http_content.c */
struct http_content *http_content_of(char *bytes, size_t len); /* takes bytes, by mem; NULL: none, or no memory */
void http_answer_content(struct http_request *request, const char *type, struct http_content *content);

/* http_response.c. Each answers unless it is answered; none takes the request. */
/* response: taken; NULL: there was no memory for it. False: answered, but not with it. */
bool http_answer_response(struct http_request *request, unsigned status, const char *type,
                          struct MHD_Response *response);
void http_answer(struct http_request *request, unsigned status, struct MHD_Response *response);
void http_answer_problem(struct http_request *request, unsigned status, const char *detail);
void http_answer_no_memory(struct http_request *request);

#endif
