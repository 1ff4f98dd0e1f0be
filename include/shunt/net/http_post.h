/* http_post.h: a document posted to somebody else's server, on the loop. The same contract as mail_send's.
 *
 * Redirects are not followed, certificates are verified. DELIVERED: 2xx. TRANSIENT: no server, time-out, 408, 425, 429,
 * 5xx. PERMANENT: every other answer. */
#ifndef SHUNT_NET_HTTP_POST_H
#define SHUNT_NET_HTTP_POST_H

#include "shunt/net/mail.h"

struct http_post {              /* borrowed for the call */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value" ..., ends with NULL; without line breaks */
    const char *body;
    unsigned timeout_ms;
};

int http_post_send(struct curl_loop *loop, const struct http_post *post, mail_done done, void *user, struct error *e);

#endif
