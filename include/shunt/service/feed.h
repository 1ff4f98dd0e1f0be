/* feed.h: what becomes of jobs, and how the service is, as server-sent events for everybody who follows.
 *
 * Happy way: feed_job for each job that ends or begins to wait: its event is written once and kept, the last FEED_KEPT
 * of them -> feed_follow answers a request with a stream: the status at once, then the events after the Last-Event-ID,
 * all of them, then what comes -> feed_close, which ends all streams. Events go out a little gathered; the status once
 * a second where it is another one. Who resumes after what is kept no more, or was never ours, gets the event `reset`:
 * what it knows is to be asked for anew.
 *
 * A stream holds a status, FEED_STREAM_BYTES, and an event that its client has not taken; meanwhile it gets nothing
 * new, and nobody waits for it. It is cut when it has not taken them while FEED_KEPT more events came, or by the server
 * (send_ms).
 *
 * Errors: without memory for an event all streams are reset. Thread: loop.
 */
#ifndef SHUNT_SERVICE_FEED_H
#define SHUNT_SERVICE_FEED_H

#include "shunt/core/minutes.h"
#include "shunt/net/http_server.h"
#include "shunt/service/jobs.h"
#include "shunt/store/store.h"

#define FEED_KEPT         500
#define FEED_STREAM_BYTES 32768
#define FEED_GATHER_MS    50
#define FEED_HEARTBEAT_MS 15000

struct feed;

/* Writes the status, a JSON object; a failed str is thrown away. */
typedef void (*feed_status_cb)(void *user, struct str *out);

struct feed *feed_new(struct runtime *rt, feed_status_cb status, void *user); /* NULL: no memory */
void feed_close(struct feed *feed); /* no stream is left; before the server is closed. NULL is fine */
void feed_free(struct feed *feed);

/* NULL is fine. ms: since it was taken up. */
void feed_job(struct feed *feed, const struct job *job, enum job_status status, double ms);
void feed_tick(struct feed *feed); /* about once a second; NULL is fine */
/* Takes the request. 503 beyond [http] max_streams, while the service drains, and without memory. */
void feed_follow(struct feed *feed, struct http_request *request);

const struct minutes *feed_minutes(const struct feed *feed); /* of the jobs that were completed */
const char *feed_last(const struct feed *feed);              /* JSON of the last job that ended; "null" */

#endif
