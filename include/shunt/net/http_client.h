/* http_client.h: a small blocking HTTP client for the commands, over the service's control socket.
 *
 * ERR_GONE: no socket there, or nobody listens (the service is not running). ERR_ACCESS: the socket is another user's.
 * ERR_CONFIG: the path is too long for a socket, or there is no libcurl.
 * ERR_TIMEOUT, ERR_NETWORK: the service hangs, or went away meanwhile. An answer is an answer: 0, whatever its status.
 * Ownership: http_reply_fini. Thread: any, one client belongs to one thread; it blocks, so never the loop's.
 */
#ifndef SHUNT_NET_HTTP_CLIENT_H
#define SHUNT_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "shunt/base/error.h"

#define HTTP_CLIENT_REPLY_MAX (64UL * 1024 * 1024)

struct http_client;

struct http_reply {
    long status;
    json_t *body;  /* NULL: no JSON */
    char *text;    /* what came, whatever it is; never NULL after success */
    char *problem; /* for a person, where the status is 400 or more; else NULL */
};

/* path is copied. timeout_ms: for a whole request; for a stream, how long it may be silent. */
int http_client_new(const char *path, unsigned timeout_ms, struct http_client **client, struct error *e);
void http_client_free(struct http_client *client);

/* target: path and query, encoded. body NULL: none. The reply is filled where 0 is returned. */
int http_client_request(struct http_client *client, const char *method, const char *target, const json_t *body,
                        struct http_reply *reply, struct error *e);
void http_reply_fini(struct http_reply *reply);

/* Bytes of a stream as they come; len 0: now and then, at least about once a second. False ends it. */
typedef bool (*http_client_take)(void *context, const char *bytes, size_t len);

/* 0: `take` ended it, or the service did. A status of 400 or more is an error with the
 * problem's text: ERR_USAGE, from 500 on ERR_NETWORK. */
int http_client_stream(struct http_client *client, const char *target, http_client_take take, void *context,
                       struct error *e);

#endif
