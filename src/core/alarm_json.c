/* alarm_json.c: the state of alarm.h to JSON and back. What is read is built aside and taken over only when all of it is
 * sound. */
#include <string.h>

#include "shunt/base/error.h"
#include "shunt/base/mem.h"
#include "shunt/core/json_get.h"

#include "alarm_inner.h"

#define VERSION 1

/* ---- writing ---- */

static json_t *incidents_json(const struct incident *list)
{
    json_t *array = json_array();
    for (const struct incident *i = list; i; i = i->next) {
        json_t *entry = json_pack(
            "{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b}", "texts", json_texts(i->texts, ALARM_TEXTS),
            "opened_ms", (json_int_t)i->opened_ms, "over_ms", (json_int_t)i->over_ms, "remind_ms",
            (json_int_t)i->remind_ms, "step", (json_int_t)i->step, "reminded", (json_int_t)i->reminded, "times",
            (json_int_t)i->times, "wanted", i->wanted, "permanent", i->permanent, "told_permanent", i->told_permanent);
        if (json_array_append_new(array, entry) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *groups_json(const struct alarm *a)
{
    json_t *array = json_array();
    for (const struct group *g = a->groups; g; g = g->next) {
        json_t *entry =
            json_pack("{s:o, s:I}", "texts", json_texts(g->texts, GROUP_TEXTS), "count", (json_int_t)g->count);
        if (json_array_append_new(array, entry) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *alarm_to_json(const struct alarm *a)
{
    return json_pack("{s:i, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "version", VERSION, "budget_ms",
                     (json_int_t)a->budget_ms, "incidents", incidents_json(a->incidents), "notes",
                     incidents_json(a->notes), "groups", groups_json(a), "failures", (json_int_t)a->failures,
                     "failures_more", (json_int_t)a->failures_more, "failures_since_ms",
                     (json_int_t)a->failures_since_ms, "notes_lost", (json_int_t)a->notes_lost);
}

/* ---- reading: what a call of json_unpack wants memory for cannot be told from damage ---- */

struct reader {
    bool bad; /* something was not there, or of another type */
};

static int64_t number(struct reader *r, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    r->bad = r->bad || !json_is_integer(value);
    return json_integer_value(value);
}

static bool flag(struct reader *r, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    r->bad = r->bad || !json_is_boolean(value);
    return json_is_true(value);
}

static void read_texts(struct reader *r, const json_t *object, const char **texts, size_t n)
{
    const json_t *array = json_object_get(object, "texts");
    r->bad = r->bad || json_array_size(array) != n;
    for (size_t i = 0; i < n; i++) {
        texts[i] = json_string_value(json_array_get(array, i));
        r->bad = r->bad || !texts[i];
    }
}

static int read_incident(const json_t *entry, struct incident **out)
{
    struct reader r = {0};
    const char *texts[ALARM_TEXTS];
    read_texts(&r, entry, texts, ALARM_TEXTS);
    struct incident read = {.opened_ms = number(&r, entry, "opened_ms"),
                            .over_ms = number(&r, entry, "over_ms"),
                            .remind_ms = number(&r, entry, "remind_ms"),
                            .step = (unsigned)number(&r, entry, "step"),
                            .reminded = (unsigned)number(&r, entry, "reminded"),
                            .times = (unsigned)number(&r, entry, "times"),
                            .wanted = flag(&r, entry, "wanted"),
                            .permanent = flag(&r, entry, "permanent"),
                            .told_permanent = flag(&r, entry, "told_permanent")};
    struct incident *i = r.bad ? NULL : alarm_incident_new(texts);
    if (!i)
        return r.bad ? ERR_BAD_FIELD : ERR_NOMEM;
    memcpy(read.texts, i->texts, sizeof read.texts);
    *i = read;
    *out = i;
    return 0;
}

static int read_incidents(const json_t *array, size_t most, struct incident **list, size_t *count)
{
    size_t n;
    const json_t *entry;
    if (!json_is_array(array) || json_array_size(array) > most)
        return ERR_BAD_FIELD;
    json_array_foreach (array, n, entry) {
        struct incident *i = NULL;
        int rc = read_incident(entry, &i);
        if (rc != 0)
            return rc;
        alarm_add_incident(list, i);
        ++*count;
    }
    return 0;
}

static int read_groups(struct alarm *a, const json_t *array)
{
    size_t n;
    const json_t *entry;
    if (!json_is_array(array) || json_array_size(array) > ALARM_GROUPS_MAX)
        return ERR_BAD_FIELD;
    json_array_foreach (array, n, entry) {
        struct reader r = {0};
        const char *texts[GROUP_TEXTS];
        read_texts(&r, entry, texts, GROUP_TEXTS);
        uint64_t count = (uint64_t)number(&r, entry, "count");
        struct group *g = r.bad ? NULL : alarm_group_new(texts);
        if (!g)
            return r.bad ? ERR_BAD_FIELD : ERR_NOMEM;
        g->count = count;
        alarm_add_group(a, g);
    }
    return 0;
}

static int read_state(struct alarm *a, const json_t *state)
{
    struct reader r = {0};
    int64_t version = number(&r, state, "version");
    a->budget_ms = number(&r, state, "budget_ms");
    a->failures = (uint64_t)number(&r, state, "failures");
    a->failures_more = (uint64_t)number(&r, state, "failures_more");
    a->failures_since_ms = number(&r, state, "failures_since_ms");
    a->notes_lost = (uint64_t)number(&r, state, "notes_lost");
    if (r.bad || version != VERSION)
        return ERR_BAD_FIELD;
    int rc = read_incidents(json_object_get(state, "incidents"), ALARM_INCIDENTS_MAX, &a->incidents, &a->n_incidents);
    rc = rc ? rc : read_incidents(json_object_get(state, "notes"), ALARM_NOTES_MAX, &a->notes, &a->n_notes);
    return rc ? rc : read_groups(a, json_object_get(state, "groups"));
}

/* ---- what was told since ---- */

/* Those that are in both go on as they were. */
static void add_incidents(struct alarm *a, struct alarm *since)
{
    for (struct incident *i; (i = since->incidents);) {
        since->incidents = i->next;
        i->next = NULL;
        if (a->n_incidents >= ALARM_INCIDENTS_MAX || *alarm_find(a, i->texts[TEXT_KIND], i->texts[TEXT_SUBJECT])) {
            alarm_incident_free(i);
            continue;
        }
        alarm_add_incident(&a->incidents, i);
        a->n_incidents++;
    }
}

static void add_notes(struct alarm *a, struct alarm *since)
{
    a->notes_lost += since->notes_lost;
    for (struct incident *i; (i = since->notes);) {
        since->notes = i->next;
        i->next = NULL;
        if (a->n_notes >= ALARM_NOTES_MAX) {
            a->notes_lost++;
            alarm_incident_free(i);
            continue;
        }
        alarm_add_incident(&a->notes, i);
        a->n_notes++;
    }
}

static void add_failures(struct alarm *a, struct alarm *since)
{
    if (a->failures == 0 && since->failures > 0)
        a->failures_since_ms = since->failures_since_ms;
    a->failures += since->failures;
    a->failures_more += since->failures_more;
    for (struct group *g; (g = since->groups);) {
        struct group *own = alarm_same_group(a, g);
        since->groups = g->next;
        g->next = NULL;
        if (!own && a->n_groups < ALARM_GROUPS_MAX) {
            alarm_add_group(a, g);
            continue;
        }
        *(own ? &own->count : &a->failures_more) += g->count;
        alarm_group_free(g);
    }
}

int alarm_from_json(struct alarm *a, const json_t *state)
{
    struct alarm *made = alarm_new(&a->policy);
    int rc = made ? read_state(made, state) : ERR_NOMEM;
    if (rc == 0) {
        add_incidents(made, a);
        add_notes(made, a);
        add_failures(made, a);
        if (a->budget_ms > made->budget_ms)
            made->budget_ms = a->budget_ms;
        struct alarm old = *a;
        *a = *made;
        *made = old;
    }
    alarm_free(made);
    return rc;
}
