/* store_memory_kept.c: what is kept besides jobs: snapshots, days, alerts; which jobs the statistics do not count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_memory.h"

static void forget_alert(struct kept_alert *a)
{
    mem_free((char *)a->alert.kind);
    mem_free((char *)a->alert.subject);
    mem_free((char *)a->alert.text);
    mem_free(a);
}

void memory_forget_alerts(struct memory_store *m)
{
    while (m->alerts) {
        struct kept_alert *a = m->alerts;
        m->alerts = a->older;
        forget_alert(a);
    }
}

/* ---- what the statistics do not count ---- */

static bool is_in(const json_t *numbers, uint64_t number)
{
    size_t i;
    const json_t *one;
    json_array_foreach (numbers, i, one) {
        if (json_integer_value(one) == (json_int_t)number) {
            return true;
        }
    }
    return false;
}

static void count(struct memory_store *m, unsigned instance, const json_t *counted)
{
    uint64_t to = (uint64_t)json_integer_value(json_object_get(counted, "to"));
    const json_t *but = json_object_get(counted, "but");
    for (size_t i = 0; i < m->count; i++) {
        struct store_job *j = &m->jobs[i]->job;
        if (j->instance == instance && j->outcome <= to && !is_in(but, j->outcome)) {
            j->outcome = 0;
        }
    }
}

int memory_uncounted(struct store *store, unsigned instance, store_each_cb each, void *user, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    (void)e;
    int rc = 0;
    for (uint64_t last = 0; rc == 0;) {
        const struct kept_job *next = NULL;
        for (size_t i = 0; i < m->count; i++) {
            const struct store_job *j = &m->jobs[i]->job;
            if (j->instance == instance && j->outcome > last && (!next || j->outcome < next->job.outcome)) {
                next = m->jobs[i];
            }
        }
        if (!next) {
            break;
        }
        last = next->job.outcome;
        rc = each(user, &next->job);
    }
    return rc;
}

/* ---- what else is kept ---- */

static int keep(json_t *in, unsigned key, const json_t *document, struct error *e)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%u", key);
    if (!json_is_object(document) && !json_is_array(document)) {
        return error_set(e, ERR_INTERNAL, "what is to be saved into the store is not a JSON document");
    }
    return json_object_set_new(in, name, json_deep_copy(document)) == 0 ? 0 : store_no_memory(e);
}

int memory_save_snapshot(struct store *store, unsigned instance, const json_t *snapshot, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    int rc = keep(m->snapshots, instance, snapshot, e);
    const json_t *counted = json_object_get(snapshot, "counted");
    if (rc == 0 && counted) {
        count(m, instance, counted);
    }
    return rc;
}

int memory_load_snapshot(struct store *store, unsigned instance, json_t **snapshot, struct error *e)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%u", instance);
    const json_t *kept = json_object_get(((struct memory_store *)store)->snapshots, name);
    *snapshot = kept ? json_deep_copy(kept) : NULL;
    return kept && !*snapshot ? store_no_memory(e) : 0;
}

static json_t *day_of(const struct memory_store *m, int date)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%d", date);
    return json_object_get(m->days, name);
}

int memory_save_day(struct store *store, unsigned instance, int date, const json_t *day, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    char name[16];
    (void)snprintf(name, sizeof name, "%d", date);
    if (!day_of(m, date) && json_object_set_new(m->days, name, json_object()) != 0) {
        return store_no_memory(e);
    }
    return keep(day_of(m, date), instance, day, e);
}

int memory_load_day(struct store *store, int date, json_t **days, struct error *e)
{
    const json_t *kept = day_of((struct memory_store *)store, date);
    *days = kept ? json_deep_copy(kept) : json_object();
    return *days ? 0 : store_no_memory(e);
}

static json_t *report_of(const struct memory_store *m, int date)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%d", date);
    return json_object_get(m->reports, name);
}

int memory_save_report(struct store *store, int date, const json_t *report, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    return report_of(m, date) ? 0 : keep(m->reports, (unsigned)date, report, e);
}

int memory_load_report(struct store *store, int date, json_t **report, struct error *e)
{
    const json_t *kept = report_of((struct memory_store *)store, date);
    *report = kept ? json_deep_copy(kept) : NULL;
    return kept && !*report ? store_no_memory(e) : 0;
}

int memory_reports(struct store *store, json_t **dates, struct error *e)
{
    const char *name;
    json_t *report, *list = json_array();
    bool failed = !list;
    json_object_foreach (((struct memory_store *)store)->reports, name, report) {
        json_int_t date = strtol(name, NULL, 10);
        size_t at = 0;
        while (at < json_array_size(list) && json_integer_value(json_array_get(list, at)) > date) {
            at++;
        }
        failed = failed || json_array_insert_new(list, at, json_integer(date)) != 0;
    }
    if (failed) {
        json_decref(list);
        return store_no_memory(e);
    }
    *dates = list;
    return 0;
}

static char *copy_of(const char *text, bool *failed)
{
    char *made = text ? mem_strdup(text) : NULL;
    *failed = *failed || (text && !made);
    return made;
}

int memory_alert(struct store *store, const struct store_alert *alert, bool open, struct error *e)
{
    struct memory_store *m = (struct memory_store *)store;
    struct kept_alert *a = m->alerts;
    while (a &&
           (a->closed_ms || !texts_same(a->alert.kind, alert->kind) || !texts_same(a->alert.subject, alert->subject))) {
        a = a->older;
    }
    if (a && !open) {
        a->closed_ms = alert->at_ms;
    }
    if (!open) {
        return 0;
    }
    bool failed = false;
    char *text = copy_of(alert->text, &failed);
    if (!a && !failed && (a = mem_zalloc(sizeof *a))) {
        a->alert =
            (struct store_alert){copy_of(alert->kind, &failed), copy_of(alert->subject, &failed), alert->at_ms, NULL};
        if (failed) {
            forget_alert(a);
            a = NULL;
        } else {
            a->older = m->alerts;
            m->alerts = a;
        }
    }
    if (!a || failed) {
        mem_free(text);
        return store_no_memory(e);
    }
    mem_free((char *)a->alert.text);
    a->alert.text = text;
    a->last_ms = alert->at_ms;
    a->count++;
    return 0;
}

int memory_alerts(struct store *store, bool open, size_t limit, json_t **out, struct error *e)
{
    const struct kept_alert *a = ((struct memory_store *)store)->alerts;
    json_t *list = json_array();
    bool failed = !list;
    for (size_t n = page_limit(limit); a && n > 0 && !failed; a = a->older) {
        if (!open || a->closed_ms == 0) {
            failed = json_array_append_new(list, json_alert(&a->alert, a->last_ms, a->closed_ms, a->count)) != 0;
            n--;
        }
    }
    if (failed) {
        json_decref(list);
        return store_no_memory(e);
    }
    *out = list;
    return 0;
}
