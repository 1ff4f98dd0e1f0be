/* store.c: finds the driver of a URL and passes calls on. Nothing is kept here. */
#include "shunt/store/store.h"

#include <string.h>

#include "shunt/base/str.h"

static const struct store_driver *const drivers[] = {&store_sqlite, &store_memory};
#define DRIVERS (sizeof drivers / sizeof *drivers)

static const char *const status_words[JOB_STATUSES] = {"pending", "processing", "completed", "failed", "cancelled"};

const char *job_status_word(enum job_status status)
{
    return status < JOB_STATUSES ? status_words[status] : "unknown";
}

const char *outbox_state_word(enum outbox_state state)
{
    static const char *const words[OUTBOX_STATES] = {"waiting", "sent", "failed", "expired"};
    return state < OUTBOX_STATES ? words[state] : "unknown";
}

bool job_status_from(const char *word, enum job_status *out)
{
    for (enum job_status i = 0; i < JOB_STATUSES; i++) {
        if (strcmp(word, status_words[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static int unknown_scheme(const char *url, size_t n, struct error *e)
{
    struct str known = STR_INIT;
    for (size_t i = 0; i < DRIVERS; i++) {
        str_printf(&known, "%s%s:", i > 0 ? ", " : "", drivers[i]->scheme);
    }
    /* only the scheme is shown: the rest may hold a password */
    int rc = n > 0 ? error_set(e, ERR_CONFIG, "%.*s: is no kind of store; known: %s", (int)n, url, known.bytes)
                   : error_set(e, ERR_CONFIG, "the store's URL does not begin with its kind; known: %s", known.bytes);
    str_fini(&known);
    return rc;
}

int store_open(struct store **out, const char *url, const char *base, enum store_mode mode, struct error *e)
{
    *out = NULL;
    const char *colon = strchr(url, ':');
    size_t n = colon ? (size_t)(colon - url) : 0;
    for (size_t i = 0; i < DRIVERS && n > 0; i++) {
        if (strlen(drivers[i]->scheme) == n && memcmp(drivers[i]->scheme, url, n) == 0) {
            return drivers[i]->open(out, colon + 1, base, mode, e);
        }
    }
    return unknown_scheme(url, n < 32 ? n : 32, e);
}

void store_close(struct store *s)
{
    if (s) {
        s->driver->close(s);
    }
}

int store_record(struct store *s, const struct store_job *jobs, size_t count, struct error *e)
{
    return count > 0 ? s->driver->record(s, jobs, count, e) : 0;
}

int store_unfinished(struct store *s, store_each_cb each, void *user, struct error *e)
{
    return s->driver->unfinished(s, each, user, e);
}

int store_find(struct store *s, const char *id, store_each_cb each, void *user, struct error *e)
{
    return s->driver->find(s, id, each, user, e);
}

int store_last(struct store *s, const char *folder, const char *name, const struct store_claim *file,
               store_each_cb each, void *user, struct error *e)
{
    return s->driver->last(s, folder, name, file, each, user, e);
}

int store_seen(struct store *s, const struct store_job *job, int64_t since_ms, struct store_seen *out, struct error *e)
{
    *out = (struct store_seen){.completed_ms = 0};
    return s->driver->seen(s, job, since_ms, out, e);
}

int store_list(struct store *s, const struct store_filter *filter, json_t **out, struct error *e)
{
    *out = NULL;
    return s->driver->list(s, filter, out, e);
}

int store_show(struct store *s, const char *id, json_t **out, struct error *e)
{
    *out = NULL;
    return s->driver->show(s, id, out, e);
}

int store_totals(struct store *s, json_t **out, struct error *e)
{
    *out = NULL;
    return s->driver->totals(s, out, e);
}

int store_retain(struct store *s, const struct store_retention *r, size_t *removed, struct error *e)
{
    *removed = 0;
    return s->driver->retain(s, r, removed, e);
}

int store_save_snapshot(struct store *s, unsigned instance, const json_t *snapshot, struct error *e)
{
    return s->driver->save_snapshot(s, instance, snapshot, e);
}

int store_uncounted(struct store *s, unsigned instance, store_each_cb each, void *user, struct error *e)
{
    return s->driver->uncounted(s, instance, each, user, e);
}

int store_load_snapshot(struct store *s, unsigned instance, json_t **snapshot, struct error *e)
{
    *snapshot = NULL;
    return s->driver->load_snapshot(s, instance, snapshot, e);
}

int store_save_day(struct store *s, unsigned instance, int date, const json_t *day, struct error *e)
{
    return s->driver->save_day(s, instance, date, day, e);
}

int store_save_report(struct store *s, int date, const json_t *report, struct error *e)
{
    return s->driver->save_report(s, date, report, e);
}

int store_load_report(struct store *s, int date, json_t **report, struct error *e)
{
    *report = NULL;
    return s->driver->load_report(s, date, report, e);
}

int store_reports(struct store *s, json_t **dates, struct error *e)
{
    *dates = NULL;
    return s->driver->reports(s, dates, e);
}

int store_load_day(struct store *s, int date, json_t **days, struct error *e)
{
    *days = NULL;
    return s->driver->load_day(s, date, days, e);
}

int store_alert(struct store *s, const struct store_alert *alert, bool open, struct error *e)
{
    return s->driver->alert(s, alert, open, e);
}

int store_alerts(struct store *s, bool open, size_t limit, json_t **out, struct error *e)
{
    *out = NULL;
    return s->driver->alerts(s, open, limit, out, e);
}

int store_outbox_put(struct store *s, const struct store_message *m, struct error *e)
{
    return s->driver->outbox_put(s, m, e);
}

int store_outbox_take(struct store *s, const struct store_taking *t, json_t **out, struct error *e)
{
    *out = NULL;
    return s->driver->outbox_take(s, t, out, e);
}

int store_outbox_release(struct store *s, unsigned instance, int64_t now_ms, struct error *e)
{
    return s->driver->outbox_release(s, instance, now_ms, e);
}

int store_outbox_record(struct store *s, const struct store_sent *sent, struct error *e)
{
    return s->driver->outbox_record(s, sent, e);
}

int store_outbox_list(struct store *s, unsigned states, size_t limit, json_t **out, struct error *e)
{
    *out = NULL;
    return s->driver->outbox_list(s, states, limit, out, e);
}

int store_check(struct store *s, json_t **findings, struct error *e)
{
    *findings = NULL;
    return s->driver->check(s, findings, e);
}

int store_backup(struct store *s, const char *path, struct error *e)
{
    return s->driver->backup(s, path, e);
}

int store_vacuum(struct store *s, struct error *e)
{
    return s->driver->vacuum(s, e);
}
