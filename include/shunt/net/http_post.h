/* http_post.h: a document posted to somebody else's server, on the loop.
 *
 * Contract, as libuv's for requests: non-zero from http_post_send = `done` is never called; zero = exactly once, later,
 * from the loop or from curl_loop_close. Everything is copied. Redirects are not followed, certificates are verified.
 * POST_DELIVERED: 2xx. POST_TRANSIENT: no server, time-out, 408, 425, 429, 5xx. POST_PERMANENT: every other answer.
 * Thread: loop. */
#ifndef SHUNT_NET_HTTP_POST_H
#define SHUNT_NET_HTTP_POST_H

#include "shunt/net/curl_loop.h"

#define POST_TEXT_MAX 256

enum post_outcome { POST_DELIVERED, POST_TRANSIENT, POST_PERMANENT };
struct post_result {
    enum post_outcome outcome;
    int status;               /* 0: no answer */
    char text[POST_TEXT_MAX]; /* for people; fit for a terminal */
};
typedef void (*post_done)(void *user, const struct post_result *result);

struct http_post {
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value" ..., ends with NULL; without line breaks */
    const char *body;
    unsigned timeout_ms; /* in all */
};

/* ERR_CONFIG: there is no libcurl. ERR_NOMEM. */
int http_post_send(struct curl_loop *loop, const struct http_post *post, post_done done, void *user, struct error *e);

#endif
