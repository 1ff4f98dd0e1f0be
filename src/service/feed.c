/* feed.c: see feed.h. Events have numbers from 1 on; a reader is the number of the event that it gets next. So a slow
 * one costs its buffer and a number, whatever happens, and one that resumes is a slow one. */
#include "shunt/service/feed.h"

#include <inttypes.h>
#include <string.h>
#include <utlist.h>

#include "shunt/base/mem.h"
#include "shunt/core/cursor.h"

#define TEXT_MAX    512 /* bytes of one text of an event, before escaping */
#define RETRY_AFTER "5"

struct event {
    char *text;
    size_t len;
};

struct reader {
    struct http_stream *stream;
    uint64_t at;     /* the event that it gets next */
    uint64_t status; /* that it got last */
    bool begun;
    struct reader *prev, *next;
};

struct feed {
    struct runtime *rt;
    feed_status_cb write_status;
    void *user;
    int64_t boot; /* what a number means is known in this run of the service only */
    struct event events[FEED_KEPT];
    uint64_t first, next; /* of those that are kept; to come */
    struct minutes minutes;
    struct str last;
    struct str status;
    uint64_t status_number;
    int64_t status_at_ms, heartbeat_at_ms;
    struct reader *readers;
    size_t n_readers;
    struct wait gather;
};

/* --- events --- */

static void put_text(struct str *out, const char *key, const char *text)
{
    str_printf(out, ",\"%s\":", key);
    if (text)
        str_json(out, text, utf8_cut(text, strlen(text), TEXT_MAX));
    else
        str_puts(out, "null");
}

static const char *why(const struct job *job)
{
    if (job->error.code != 0)
        return job->error.text;
    for (size_t i = 0; i < job->n_deliveries; i++)
        if (job->deliveries[i].state != DELIVERY_DONE && job->deliveries[i].error)
            return job->deliveries[i].error->text;
    return NULL;
}

static void put_job(struct str *out, const struct job *job, enum job_status status, double ms, int64_t wall_ms)
{
    char at[CLOCK_RFC3339_MAX];
    clock_rfc3339(wall_ms, at);
    str_printf(out, "{\"id\":\"%s\"", job->id);
    put_text(out, "file", job->name);
    put_text(out, "client", job->client);
    put_text(out, "category", job->category);
    put_text(out, "status", job_status_word(status));
    put_text(out, "at", at);
    str_printf(out, ",\"ms\":%.1f", ms);
    put_text(out, "error", status == STATUS_COMPLETED ? NULL : why(job));
    str_puts(out, "}");
}

static void on_gathered(struct wait *wait);

/* Readers that are behind get theirs soon. Without memory for it: with the next event, or the next tick. */
static void send_soon(struct feed *feed)
{
    if (feed->readers && !due_listed(&feed->gather.due))
        wait_set(feed->rt, &feed->gather, FEED_GATHER_MS, on_gathered);
}

static void keep(struct feed *feed, struct str *text)
{
    struct event *event = &feed->events[feed->next % FEED_KEPT];
    mem_free(event->text);
    event->len = text->len;
    event->text = str_take(text);
    feed->next++;
    if (!event->text)
        feed->first = feed->next;
    else if (feed->next - feed->first > FEED_KEPT)
        feed->first++;
}

void feed_job(struct feed *feed, const struct job *job, enum job_status status, double ms)
{
    if (!feed)
        return;
    if (status == STATUS_COMPLETED)
        minutes_count(&feed->minutes, runtime_now(feed->rt));
    struct str text = STR_INIT;
    str_printf(&text, "id: %" PRIx64 "-%" PRIu64 "\nevent: job\ndata: ", (uint64_t)feed->boot, feed->next);
    size_t begin = text.len;
    put_job(&text, job, status, ms, feed->rt->clock->wall_ms(feed->rt->clock));
    if (status != STATUS_PENDING && !str_failed(&text)) {
        str_clear(&feed->last);
        str_add(&feed->last, text.bytes + begin, text.len - begin);
    }
    str_puts(&text, "\n\n");
    keep(feed, &text);
    str_fini(&text);
    send_soon(feed);
}

/* --- readers --- */

static int write_text(struct reader *r, const struct str *text)
{
    return str_failed(text) ? ERR_NOMEM : http_stream_write(r->stream, text->bytes, text->len);
}

/* A place to resume from, also for who gets no event for a long time. */
static int begin_at(const struct feed *feed, struct reader *r, const char *before)
{
    struct str text = STR_INIT;
    str_printf(&text, "%sid: %" PRIx64 "-%" PRIu64 "\n\n", before, (uint64_t)feed->boot, r->at - 1);
    int rc = write_text(r, &text);
    str_fini(&text);
    return rc;
}

static int reset(const struct feed *feed, struct reader *r)
{
    r->at = feed->next;
    return begin_at(feed, r, "event: reset\ndata: {}\n");
}

/* What it has room for. Not 0: it is to end. */
static int give(const struct feed *feed, struct reader *r)
{
    ssize_t waiting = http_stream_waiting(r->stream);
    if (waiting < 0 || (r->at < feed->first && waiting > 0))
        return ERR_GONE;
    int rc = r->at < feed->first ? reset(feed, r) : r->begun ? 0 : begin_at(feed, r, "");
    r->begun = true;
    if (rc == 0 && waiting == 0 && r->status != feed->status_number) {
        rc = write_text(r, &feed->status);
        r->status = feed->status_number;
    }
    while (rc == 0 && r->at < feed->next && waiting < FEED_STREAM_BYTES) {
        const struct event *event = &feed->events[r->at % FEED_KEPT];
        rc = http_stream_write(r->stream, event->text, event->len);
        waiting += (ssize_t)event->len;
        r->at++;
    }
    return rc;
}

static void drop(struct feed *feed, struct reader *r, void (*stop)(struct http_stream *stream))
{
    DL_DELETE(feed->readers, r);
    feed->n_readers--;
    stop(r->stream);
    mem_free(r);
}

static void give_all(struct feed *feed)
{
    struct reader *r, *next;
    bool behind = false;
    DL_FOREACH_SAFE (feed->readers, r, next) {
        if (give(feed, r) != 0)
            drop(feed, r, http_stream_cut);
        else
            behind = behind || r->at < feed->next;
    }
    if (behind)
        send_soon(feed);
}

static void on_gathered(struct wait *wait)
{
    give_all((struct feed *)((char *)wait - offsetof(struct feed, gather)));
}

/* --- the status --- */

static void look_at_status(struct feed *feed)
{
    struct str text = STR_INIT;
    str_puts(&text, "event: status\ndata: ");
    feed->write_status(feed->user, &text);
    str_puts(&text, "\n\n");
    feed->status_at_ms = runtime_now(feed->rt);
    if (str_failed(&text) || strcmp(text.bytes, feed->status.bytes) == 0) {
        str_fini(&text);
        return;
    }
    str_fini(&feed->status);
    feed->status = text;
    feed->status_number++;
}

static void heartbeat(struct feed *feed)
{
    static const char beat[] = ": so that it shows whether anybody is there\n\n";
    struct reader *r, *next;
    DL_FOREACH_SAFE (feed->readers, r, next) {
        if (http_stream_waiting(r->stream) == 0 && http_stream_write(r->stream, beat, sizeof beat - 1) != 0)
            drop(feed, r, http_stream_cut);
    }
}

void feed_tick(struct feed *feed)
{
    if (!feed || !feed->readers)
        return;
    look_at_status(feed);
    give_all(feed);
    int64_t now = runtime_now(feed->rt);
    if (now - feed->heartbeat_at_ms < FEED_HEARTBEAT_MS)
        return;
    feed->heartbeat_at_ms = now;
    heartbeat(feed);
}

/* --- following --- */

/* The event after that one; 0: there is no such place, and no such event is kept. */
static uint64_t place_of(const struct feed *feed, const char *last_event_id)
{
    uint64_t number;
    return cursor_event(last_event_id, (uint64_t)feed->boot, &number) && number < feed->next ? number + 1 : 0;
}

static bool let_in(const struct feed *feed, struct http_request *request)
{
    if (feed->rt->draining) {
        http_respond_problem(request, 503, "the service is stopping");
        return false;
    }
    if (feed->n_readers < (size_t)feed->rt->config->settings->max_streams)
        return true;
    http_request_set_header(request, "Retry-After", RETRY_AFTER);
    http_respond_problem(request, 503, "%zu follow already: that is [http] max_streams", feed->n_readers);
    return false;
}

void feed_follow(struct feed *feed, struct http_request *request)
{
    if (!let_in(feed, request))
        return;
    const char *resume = http_request_header(request, "Last-Event-ID");
    struct reader *r = mem_zalloc(sizeof *r);
    if (!r) {
        http_respond_problem(request, 503, "out of memory");
        return;
    }
    r->at = resume ? place_of(feed, resume) : feed->next;
    http_request_set_header(request, "X-Accel-Buffering", "no"); /* a proxy in front passes each event on at once */
    r->stream = http_stream_begin(request, "text/event-stream");
    if (!r->stream) {
        mem_free(r);
        return;
    }
    DL_APPEND(feed->readers, r);
    feed->n_readers++;
    if (feed->status_number == 0 || runtime_now(feed->rt) - feed->status_at_ms >= 1000)
        look_at_status(feed);
    if (give(feed, r) != 0)
        drop(feed, r, http_stream_cut);
    else
        send_soon(feed);
}

const struct minutes *feed_minutes(const struct feed *feed)
{
    return &feed->minutes;
}

const char *feed_last(const struct feed *feed)
{
    return feed->last.len > 0 && !str_failed(&feed->last) ? feed->last.bytes : "null";
}

/* --- life --- */

struct feed *feed_new(struct runtime *rt, feed_status_cb status, void *user)
{
    struct feed *feed = mem_zalloc(sizeof *feed);
    if (!feed)
        return NULL;
    feed->rt = rt;
    feed->write_status = status;
    feed->user = user;
    feed->boot = rt->clock->wall_ms(rt->clock);
    feed->first = feed->next = 1;
    str_init(&feed->last);
    str_init(&feed->status);
    return feed;
}

void feed_close(struct feed *feed)
{
    if (!feed)
        return;
    wait_cancel(feed->rt, &feed->gather);
    while (feed->readers)
        drop(feed, feed->readers, http_stream_close);
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    for (size_t i = 0; i < FEED_KEPT; i++)
        mem_free(feed->events[i].text);
    str_fini(&feed->last);
    str_fini(&feed->status);
    mem_free(feed);
}
