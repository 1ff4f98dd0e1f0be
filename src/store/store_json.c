/* store_json.c: see store_json.h. */
#include "store_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shunt/base/mem.h"
#include "shunt/core/cursor.h"
#include "shunt/core/when.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     1000

int store_no_memory(struct error *e)
{
    return error_set(e, ERR_NOMEM, "no memory for the store");
}

json_t *json_text(const char *text)
{
    if (!text) {
        return json_null();
    }
    size_t n = strlen(text);
    if (utf8_valid(text, n)) {
        return json_stringn_nocheck(text, n);
    }
    struct str quoted = STR_INIT;
    str_json(&quoted, text, n);
    json_t *value = str_failed(&quoted) ? NULL : json_loadb(quoted.bytes, quoted.len, JSON_DECODE_ANY, NULL);
    str_fini(&quoted);
    return value;
}

json_t *json_time(int64_t ms)
{
    char text[WHEN_TEXT_MAX] = "";
    if (ms != 0) {
        when_utc(ms, text);
    }
    return text[0] ? json_string(text) : json_null();
}

static json_t *hash_text(const uint8_t *sha256)
{
    char text[2 * STORE_HASH_SIZE + 1];
    for (size_t i = 0; sha256 && i < STORE_HASH_SIZE; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", sha256[i]);
    }
    return sha256 ? json_string(text) : json_null();
}

static json_t *delivery_brief(const struct store_delivery *d)
{
    return json_pack("{s:o, s:o, s:s}", "name", json_text(d->destination), "label", json_text(d->label), "state",
                     delivery_state_word(d->state));
}

static json_t *delivery_whole(const struct store_delivery *d)
{
    return json_pack("{s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:o}", "name", json_text(d->destination), "label",
                     json_text(d->label), "state", delivery_state_word(d->state), "attempts", (json_int_t)d->attempts,
                     "next_at", json_time(d->next_ms), "done_at", json_time(d->done_ms), "final_name",
                     json_text(d->final_name), "error", json_text(d->error));
}

static json_t *deliveries(const struct store_job *job, json_t *(*one)(const struct store_delivery *))
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < job->n_deliveries; i++) {
        if (json_array_append_new(list, one(&job->deliveries[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *json_job(const struct store_job *job)
{
    json_t *what =
        json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_text(job->id), "source",
                  json_text(job->source), "phase", json_text(job->phase), "status", job_status_word(job->status),
                  "folder", json_text(job->folder), "file", json_text(job->name), "client", json_text(job->client),
                  "category", json_text(job->category), "studio", json_text(job->studio), "title",
                  json_text(job->title), "path", json_text(job->path));
    json_t *rest =
        json_pack("{s:I, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "size", (json_int_t)job->size, "sha256",
                  hash_text(job->sha256), "retry_count", (json_int_t)job->retries, "crashes", (json_int_t)job->crashes,
                  "created_at", json_time(job->created_ms), "started_at", json_time(job->started_ms), "completed_at",
                  json_time(job->completed_ms), "error_message", json_text(job->error), "batch_id",
                  json_text(job->batch), "destinations", deliveries(job, delivery_brief));
    if (!what || !rest || json_object_update(what, rest) != 0) {
        json_decref(what);
        what = NULL;
    }
    json_decref(rest);
    return what;
}

/* ---- events ---- */

static void encode(struct str *out, const struct store_event *event)
{
    str_printf(out, "[%" PRId64, event->at_ms);
    const char *const texts[] = {event->event, event->destination, event->text};
    for (size_t i = 0; i < 3; i++) {
        str_putc(out, ',');
        if (texts[i]) {
            str_json(out, texts[i], strlen(texts[i]));
        } else {
            str_puts(out, "null");
        }
    }
    str_putc(out, ']');
}

/* The newest half stays, and the first: how it began. */
static void forget_some(struct str *all)
{
    json_t *list = json_loadb(all->bytes, all->len, 0, NULL);
    size_t n = json_array_size(list);
    char *text = NULL;
    for (size_t i = 0; i < n / 2 && n > 2; i++) {
        (void)json_array_remove(list, 1);
    }
    text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    if (text) {
        str_clear(all);
        str_puts(all, text);
    }
    free(text);
}

void events_add(struct str *all, const struct store_event *events, size_t n)
{
    struct str one = STR_INIT;
    if (all->len == 0) {
        str_puts(all, "[]");
    }
    size_t before = all->len;
    for (size_t i = 0; i < n && !str_failed(all); i++) {
        str_clear(&one);
        encode(&one, &events[i]);
        /* quotes within texts are escaped, so that an event is found only where it is one; what is new within one call
         * is not compared: it is one life's story, in which the same may happen twice in a millisecond */
        if (str_failed(&one)) {
            all->failed = true;
        } else if (before <= 2 || !memmem(all->bytes, before, one.bytes, one.len)) {
            all->bytes[--all->len] = '\0';
            if (all->len > 1) {
                str_putc(all, ',');
            }
            str_add(all, one.bytes, one.len);
            str_putc(all, ']');
        }
    }
    str_fini(&one);
    if (!str_failed(all) && all->len > EVENTS_MAX_BYTES) {
        forget_some(all);
    }
}

static json_t *event_object(const json_t *event)
{
    return json_pack("{s:o, s:O?, s:O?, s:O?}", "at", json_time(json_integer_value(json_array_get(event, 0))), "event",
                     json_array_get(event, 1), "destination", json_array_get(event, 2), "text",
                     json_array_get(event, 3));
}

static json_t *event_objects(const json_t *list)
{
    json_t *objects = json_array();
    for (size_t i = 0; objects && i < json_array_size(list); i++) {
        if (json_array_append_new(objects, event_object(json_array_get(list, i))) != 0) {
            json_decref(objects);
            return NULL;
        }
    }
    return objects;
}

int json_job_whole(const struct store_job *job, const char *events, json_t **out, struct error *e)
{
    json_t *list;
    int rc = json_decode(events, strlen(events), &list, e);
    if (rc) {
        return rc;
    }
    json_t *whole = json_job(job), *all = event_objects(list), *each = deliveries(job, delivery_whole);
    if (whole && all && each && json_object_set(whole, "deliveries", each) == 0 &&
        json_object_set(whole, "events", all) == 0) {
        *out = json_incref(whole);
    } else {
        rc = store_no_memory(e);
    }
    json_decref(whole);
    json_decref(all);
    json_decref(each);
    json_decref(list);
    return rc;
}

json_t *json_alert(const struct store_alert *alert, int64_t last_ms, int64_t closed_ms, int64_t count)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "kind", json_text(alert->kind), "subject",
                     json_text(alert->subject), "opened_at", json_time(alert->at_ms), "last_at", json_time(last_ms),
                     "closed_at", json_time(closed_ms), "count", (json_int_t)count, "text", json_text(alert->text));
}

json_t *json_outbox_row(const struct outbox_row *r)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:O?, s:o, s:o, s:o, s:o, s:I, s:o}", "kind", json_text(r->kind), "key",
                     json_text(r->key), "state", outbox_state_word((enum outbox_state)r->state), "subject",
                     json_text(r->subject), "to", r->to, "created_at", json_time(r->created_ms), "due_at",
                     json_time(r->state == OUTBOX_WAITING ? r->due_ms : 0), "expires_at", json_time(r->expires_ms),
                     "ended_at", json_time(r->ended_ms), "attempts", (json_int_t)r->attempts, "error",
                     json_text(r->error));
}

json_t *json_totals(const int64_t counts[JOB_STATUSES], int64_t oldest_pending_ms)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "pending", (json_int_t)counts[STATUS_PENDING], "processing",
                     (json_int_t)counts[STATUS_PROCESSING], "completed", (json_int_t)counts[STATUS_COMPLETED], "failed",
                     (json_int_t)counts[STATUS_FAILED], "cancelled", (json_int_t)counts[STATUS_CANCELLED],
                     "oldest_pending_at", json_time(oldest_pending_ms));
}

/* ---- pages ---- */

size_t page_limit(size_t asked)
{
    return asked == 0 ? LIMIT_DEFAULT : asked > LIMIT_MAX ? LIMIT_MAX : asked;
}

json_t *json_page(json_t *jobs, uint64_t next)
{
    char cursor[24];
    (void)snprintf(cursor, sizeof cursor, "%" PRIu64, next);
    return json_pack("{s:o, s:o}", "jobs", jobs, "next", next > 0 ? json_string(cursor) : json_null());
}

bool cursor_of(const struct store_filter *filter, uint64_t *row, struct error *e)
{
    *row = UINT64_MAX;
    if (!filter->before) {
        return true;
    }
    if (!cursor_row(filter->before, row)) {
        (void)error_set(e, ERR_USAGE, "%.40s: is no place in a list", filter->before);
        return false;
    }
    return true;
}

bool text_holds(const char *text, const char *part)
{
    return text && strcasestr(text, part);
}

/* ---- documents ---- */

static int append(const char *bytes, size_t n, void *user)
{
    struct str *text = user;
    str_add(text, bytes, n);
    return str_failed(text) ? -1 : 0;
}

/* Jansson tells a failed allocation as a fault of the text, mostly. A second try that fails while memory is there settles
 * it. */
int json_decode(const char *text, size_t n, json_t **out, struct error *e)
{
    json_error_t why;
    *out = json_loadb(text, n, JSON_ALLOW_NUL, NULL);
    *out = *out ? *out : json_loadb(text, n, JSON_ALLOW_NUL, &why);
    if (*out) {
        return 0;
    }
    json_t *probe = json_loads("{\"any\":[\"thing\"]}", 0, NULL);
    bool has_memory = probe && json_error_code(&why) != json_error_out_of_memory;
    json_decref(probe);
    return has_memory ? error_set(e, ERR_SYNTAX, "a document in the store is damaged: %s", why.text)
                      : error_set(e, ERR_NOMEM, "no memory to read the store");
}

int json_encode(const json_t *document, char **out, struct error *e)
{
    struct str text = STR_INIT;
    if (!json_is_object(document) && !json_is_array(document)) {
        return error_set(e, ERR_INTERNAL, "what is to be saved into the store is not a JSON document");
    }
    /* what is in a document can be dumped: but for memory nothing fails */
    int failed = json_dump_callback(document, append, &text, JSON_COMPACT);
    *out = failed ? NULL : str_take(&text);
    str_fini(&text);
    return *out ? 0 : error_set(e, ERR_NOMEM, "no memory to save into the store");
}
