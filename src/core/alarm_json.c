/* alarm_json.c: the state of alarm.h to JSON and back. What is read is built aside and taken over only when all of it is
 * sound. */
#include <string.h>

#include "shunt/base/error.h"
#include "shunt/base/mem.h"

#include "alarm_inner.h"

#define VERSION 1

/* ---- writing ---- */

static json_t *texts_json(char *const *texts, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(array, json_string(texts[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *incidents_json(const struct incident *list)
{
    json_t *array = json_array();
    for (const struct incident *i = list; i; i = i->next) {
        json_t *entry = json_pack(
            "{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b}", "texts", texts_json(i->texts, ALARM_TEXTS),
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
            json_pack("{s:o, s:I}", "texts", texts_json(g->texts, GROUP_TEXTS), "count", (json_int_t)g->count);
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

/* ---- reading ---- */

static int read_texts(const json_t *array, const char **texts, size_t n)
{
    if (json_array_size(array) != n)
        return ERR_BAD_FIELD;
    for (size_t i = 0; i < n; i++)
        if (!(texts[i] = json_string_value(json_array_get(array, i))))
            return ERR_BAD_FIELD;
    return 0;
}

static int read_incident(const json_t *entry, struct incident **out)
{
    const char *texts[ALARM_TEXTS];
    json_int_t opened, over, remind, step, reminded, times;
    int wanted, permanent, told;
    json_t *array;
    if (json_unpack((json_t *)(uintptr_t)entry, "{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b}", "texts", &array,
                    "opened_ms", &opened, "over_ms", &over, "remind_ms", &remind, "step", &step, "reminded", &reminded,
                    "times", &times, "wanted", &wanted, "permanent", &permanent, "told_permanent", &told) != 0 ||
        read_texts(array, texts, ALARM_TEXTS) != 0)
        return ERR_BAD_FIELD;
    struct incident *i = alarm_incident_new(texts);
    if (!i)
        return ERR_NOMEM;
    i->opened_ms = opened;
    i->over_ms = over;
    i->remind_ms = remind;
    i->step = (unsigned)step;
    i->reminded = (unsigned)reminded;
    i->times = (unsigned)times;
    i->wanted = wanted;
    i->permanent = permanent;
    i->told_permanent = told;
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
    json_t *entry, *of;
    if (!json_is_array(array) || json_array_size(array) > ALARM_GROUPS_MAX)
        return ERR_BAD_FIELD;
    json_array_foreach (array, n, entry) {
        const char *texts[GROUP_TEXTS];
        json_int_t count;
        if (json_unpack(entry, "{s:o, s:I}", "texts", &of, "count", &count) != 0 ||
            read_texts(of, texts, GROUP_TEXTS) != 0)
            return ERR_BAD_FIELD;
        struct group *g = alarm_group_new(texts);
        if (!g)
            return ERR_NOMEM;
        g->count = (uint64_t)count;
        alarm_add_group(a, g);
    }
    return 0;
}

static int read_state(struct alarm *a, const json_t *state)
{
    int version;
    json_t *incidents, *notes, *groups;
    json_int_t budget, failures, more, since, lost;
    if (json_unpack((json_t *)(uintptr_t)state, "{s:i, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "version", &version,
                    "budget_ms", &budget, "incidents", &incidents, "notes", &notes, "groups", &groups, "failures",
                    &failures, "failures_more", &more, "failures_since_ms", &since, "notes_lost", &lost) != 0 ||
        version != VERSION)
        return ERR_BAD_FIELD;
    a->budget_ms = budget;
    a->failures = (uint64_t)failures;
    a->failures_more = (uint64_t)more;
    a->failures_since_ms = since;
    a->notes_lost = (uint64_t)lost;
    int rc = read_incidents(incidents, ALARM_INCIDENTS_MAX, &a->incidents, &a->n_incidents);
    rc = rc ? rc : read_incidents(notes, ALARM_NOTES_MAX, &a->notes, &a->n_notes);
    return rc ? rc : read_groups(a, groups);
}

int alarm_from_json(struct alarm *a, const json_t *state)
{
    struct alarm *made = alarm_new(&a->policy);
    int rc = made ? read_state(made, state) : ERR_NOMEM;
    if (rc == 0) {
        struct alarm old = *a;
        *a = *made;
        *made = old;
    }
    alarm_free(made);
    return rc;
}
