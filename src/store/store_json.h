/* store_json.h: what all drivers give out alike: the JSON, and the error of no memory. And how they keep events: as one
 * text of arrays, [[at_ms, event, destination, text]...], to which is appended. NULL: no memory. Thread: any. */
#ifndef SHUNT_STORE_JSON_H
#define SHUNT_STORE_JSON_H

#include "shunt/base/str.h"
#include "shunt/store/store.h"

#define EVENTS_MAX_BYTES 65536 /* of one job: then only the first and the newest stay */

int store_no_memory(struct error *e); /* ERR_NOMEM */

json_t *json_text(const char *text); /* what is not UTF-8 becomes U+FFFD; NULL: null */
json_t *json_time(int64_t ms);       /* RFC 3339 in UTC; 0, or no year of four digits: null */
json_t *json_job(const struct store_job *job);
/* As store_show gives it. */
int json_job_whole(const struct store_job *job, const char *events, json_t **out, struct error *e);
json_t *json_alert(const struct store_alert *alert, int64_t last_ms, int64_t closed_ms, int64_t count);
struct outbox_row { /* as store_outbox_list shows it; to: borrowed, of any type */
    const char *kind, *key, *subject, *error;
    int state;
    json_t *to;
    int64_t created_ms, due_ms, expires_ms, ended_ms, attempts;
};
json_t *json_outbox_row(const struct outbox_row *row);
json_t *json_totals(const int64_t counts[JOB_STATUSES], int64_t oldest_pending_ms);
size_t page_limit(size_t asked);                                                   /* 0: 50; at most 1000 */
json_t *json_page(json_t *jobs, uint64_t next);                                    /* jobs: taken; next: 0: none */
bool cursor_of(const struct store_filter *filter, uint64_t *row, struct error *e); /* no cursor: UINT64_MAX */

/* Appends those that are not there already to `all`, which is the empty or an encoded text. */
void events_add(struct str *all, const struct store_event *events, size_t n);

bool text_holds(const char *text, const char *part); /* ASCII letters' case does not matter; text may be NULL */

int json_decode(const char *text, size_t n, json_t **out, struct error *e); /* ERR_SYNTAX, ERR_NOMEM */
int json_encode(const json_t *document, char **text, struct error *e); /* mem_free; ERR_INTERNAL: it is no document */

#endif
