/* curl_loop.h: transfers by HTTP through one libcurl multi handle on the loop. (Mails: see mail.h.)
 *
 * libcurl is loaded, and the multi handle made, when the first transfer begins: a service that sends nothing never has
 * it. Name resolution runs in libcurl's threads; a transfer is bounded by its own time-outs, which is also what ends one
 * whose socket could not be watched. Ownership: curl_loop_new, curl_loop_close; gone when `closed` is called. Thread: loop.
 */
#ifndef SHUNT_NET_CURL_LOOP_H
#define SHUNT_NET_CURL_LOOP_H

#include <uv.h>

#include "shunt/base/error.h"

struct curl_loop;

struct curl_loop *curl_loop_new(uv_loop_t *loop); /* NULL: no memory */
/* What is under way ends: who began it hears so (as transient) from inside the call. `closed` comes later on the loop, where
 * there was a transfer ever, else from inside; may be NULL. NULL is fine. */
void curl_loop_close(struct curl_loop *c, void (*closed)(void *user), void *user);

#endif
