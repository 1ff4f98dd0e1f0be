/* alarm_mail.c: what of an alarm is due, how many mails there may be, and what stands in the next one. What is due is asked of
 * each incident anew: nothing here has a timer. */
#include <string.h>

#include "shunt/base/str.h"

#include "alarm_inner.h"

#define HOUR_MS INT64_C(3600000)

/* ---- what is due ---- */

static int64_t longest_pause(const struct alarm *a)
{
    return a->policy.n_remind > 0 ? a->policy.remind_ms[a->policy.n_remind - 1] : 0;
}

/* A moment that lies further ahead than it can ever be set was set by a clock that has gone back since. */
static void mend_clock(struct alarm *a, int64_t now_ms)
{
    for (struct incident *i = a->incidents; i; i = i->next) {
        if (i->over_ms > now_ms)
            i->over_ms = now_ms;
        if (i->remind_ms > now_ms + longest_pause(a))
            i->remind_ms = now_ms + longest_pause(a);
    }
    if (a->budget_ms > now_ms + HOUR_MS + HOUR_MS / ALARM_PER_HOUR_MIN)
        a->budget_ms = now_ms + HOUR_MS;
}

static bool passed(int64_t since_ms, int64_t pause_ms, int64_t now_ms)
{
    return now_ms < since_ms || now_ms - since_ms >= pause_ms;
}

static void look(struct alarm *a, int64_t now_ms)
{
    mend_clock(a, now_ms);
    for (struct incident **at = &a->incidents; *at;) {
        struct incident *i = *at;
        if (i->over_ms == 0 && (i->permanent || passed(i->opened_ms, a->policy.wait_ms, now_ms)))
            i->wanted = true;
        if (!i->wanted && i->over_ms != 0 && passed(i->over_ms, a->policy.calm_ms, now_ms)) {
            alarm_drop(at);
            a->n_incidents--;
        } else {
            at = &i->next;
        }
    }
}

static const char *due(const struct alarm *a, const struct incident *i, int64_t now_ms)
{
    if (i->step == 0 && !i->wanted)
        return NULL;
    if (i->over_ms != 0)
        return passed(i->over_ms, a->policy.calm_ms, now_ms) ? "recovered" : NULL;
    if (i->permanent)
        return i->told_permanent ? NULL : "permanent";
    if (i->step == 0)
        return "opened";
    return a->policy.n_remind > 0 && now_ms >= i->remind_ms ? "reminded" : NULL;
}

static bool failures_due(const struct alarm *a, int64_t now_ms)
{
    return a->failures > 0 && passed(a->failures_since_ms, a->policy.digest_ms, now_ms);
}

/* kind: NULL: any */
static const char *due_of(const struct alarm *a, const struct incident *i, const char *kind, int64_t now_ms)
{
    return !kind || strcmp(i->texts[TEXT_KIND], kind) == 0 ? due(a, i, now_ms) : NULL;
}

static size_t incidents_due(const struct alarm *a, const char *kind, int64_t now_ms)
{
    size_t n = 0;
    for (const struct incident *i = a->incidents; i; i = i->next)
        n += due_of(a, i, kind, now_ms) != NULL;
    return n;
}

/* ---- the budget ---- */

/* What comes back in an hour; the others may come at once. */
static int64_t interval_ms(const struct alarm *a)
{
    int64_t back = a->policy.per_hour / 2;
    return (HOUR_MS + back - 1) / back;
}

static int64_t most_at_once(const struct alarm *a)
{
    return a->policy.per_hour - a->policy.per_hour / 2;
}

static size_t mails_left(const struct alarm *a, int64_t now_ms)
{
    int64_t at_once = most_at_once(a), interval = interval_ms(a);
    int64_t used = a->budget_ms > now_ms ? (a->budget_ms - now_ms + interval - 1) / interval : 0;
    return used < at_once ? (size_t)(at_once - used) : 0;
}

/* ---- the mail ---- */

static json_t *incident_item(const struct incident *i, const char *what)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "what", what, "kind", i->texts[TEXT_KIND],
                     "subject", i->texts[TEXT_SUBJECT], "title", i->texts[TEXT_TITLE], "text", i->texts[TEXT_TEXT],
                     "next", i->texts[TEXT_NEXT], "todo", i->texts[TEXT_TODO], "since_ms", (json_int_t)i->opened_ms,
                     "over_ms", (json_int_t)i->over_ms, "times", (json_int_t)i->times);
}

static json_t *failures_item(const struct alarm *a)
{
    json_t *groups = json_array();
    for (const struct group *g = a->groups; g; g = g->next) {
        json_t *group = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "client", g->texts[GROUP_CLIENT], "destination",
                                  g->texts[GROUP_DESTINATION], "error", g->texts[GROUP_ERROR], "name",
                                  g->texts[GROUP_NAME], "id", g->texts[GROUP_ID], "count", (json_int_t)g->count);
        if (json_array_append_new(groups, group) != 0) {
            json_decref(groups);
            return NULL;
        }
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:o}", "what", "failed", "count", (json_int_t)a->failures, "since_ms",
                     (json_int_t)a->failures_since_ms, "more", (json_int_t)a->failures_more, "groups", groups);
}

struct making {
    json_t *items;
    size_t most;
    struct str key; /* of the first */
    bool failed;
};

static void add_item(struct making *m, json_t *item, const char *kind, const char *subject, int64_t ms, unsigned step)
{
    if (json_array_size(m->items) == 0)
        str_printf(&m->key, "%s/%s/%lld/%u", kind, subject, (long long)ms, step);
    if (json_array_append_new(m->items, item) != 0)
        m->failed = true;
}

static bool full(const struct making *m)
{
    return m->failed || json_array_size(m->items) >= m->most;
}

static void add_incidents(struct making *m, const struct alarm *a, const char *kind, int64_t now_ms)
{
    for (const struct incident *i = a->incidents; i && !full(m); i = i->next) {
        const char *what = due_of(a, i, kind, now_ms);
        if (what)
            add_item(m, incident_item(i, what), i->texts[TEXT_KIND], i->texts[TEXT_SUBJECT], i->opened_ms, i->step);
    }
}

static void add_others(struct making *m, const struct alarm *a, int64_t now_ms)
{
    if (failures_due(a, now_ms) && !full(m))
        add_item(m, failures_item(a), "failed", "", a->failures_since_ms, 0);
    for (const struct incident *i = a->notes; i && !full(m); i = i->next)
        add_item(m, incident_item(i, "note"), i->texts[TEXT_KIND], i->texts[TEXT_SUBJECT], i->opened_ms, 0);
}

json_t *alarm_mail_of(struct alarm *a, const char *kind, int64_t now_ms)
{
    look(a, now_ms);
    size_t incidents = incidents_due(a, kind, now_ms), left = mails_left(a, now_ms);
    size_t n = incidents + (kind ? 0 : failures_due(a, now_ms) + a->n_notes);
    if (incidents == 0 && left > 0 && most_at_once(a) > 1)
        left--; /* kept for an incident, which is not to wait for tickets' mails */
    if (n == 0 || left == 0)
        return NULL;
    struct making m = {.items = json_array(), .most = n <= left ? 1 : ALARM_ITEMS_MAX, .key = STR_INIT};
    m.failed = !m.items;
    add_incidents(&m, a, kind, now_ms);
    if (!kind)
        add_others(&m, a, now_ms);
    if (json_array_size(m.items) > 1)
        str_printf(&m.key, "+%zu", json_array_size(m.items) - 1);
    json_t *mail = m.failed || str_failed(&m.key) ? NULL
                                                  : json_pack("{s:s, s:O, s:I}", "key", m.key.bytes, "items", m.items,
                                                              "lost", (json_int_t)a->notes_lost);
    json_decref(m.items);
    str_fini(&m.key);
    return mail;
}

json_t *alarm_mail(struct alarm *a, int64_t now_ms)
{
    return alarm_mail_of(a, NULL, now_ms);
}

/* What came since the mail was made stays. Groups are only ever added at the end. */
static void failures_told(struct alarm *a, const json_t *item, int64_t now_ms)
{
    size_t n;
    const json_t *group;
    struct group **at = &a->groups;
    json_array_foreach (json_object_get(item, "groups"), n, group) {
        struct group *g = *at;
        g->count -= (uint64_t)json_integer_value(json_object_get(group, "count"));
        if (g->count > 0) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        alarm_group_free(g);
        a->n_groups--;
    }
    a->failures -= (uint64_t)json_integer_value(json_object_get(item, "count"));
    a->failures_more -= (uint64_t)json_integer_value(json_object_get(item, "more"));
    a->failures_since_ms = now_ms;
}

static void incident_told(struct alarm *a, const json_t *item, const char *what, int64_t now_ms)
{
    struct incident **at = alarm_find(a, json_string_value(json_object_get(item, "kind")),
                                      json_string_value(json_object_get(item, "subject")));
    struct incident *i = *at;
    if (strcmp(what, "recovered") == 0 && i->over_ms == 0) { /* it is back: another one, to be told of anew */
        i->opened_ms = now_ms;
        i->step = i->reminded = 0;
        i->times = 1;
        i->wanted = i->told_permanent = false;
        return;
    }
    if (strcmp(what, "recovered") == 0) {
        alarm_drop(at);
        a->n_incidents--;
        return;
    }
    i->step++;
    if (strcmp(what, "permanent") == 0)
        i->told_permanent = true;
    if (a->policy.n_remind == 0)
        return;
    size_t last = a->policy.n_remind - 1;
    i->remind_ms = now_ms + a->policy.remind_ms[i->reminded < last ? i->reminded : last];
    i->reminded++;
}

void alarm_mailed(struct alarm *a, const json_t *mail, int64_t now_ms)
{
    size_t n;
    const json_t *item;
    json_array_foreach (json_object_get(mail, "items"), n, item) {
        const char *what = json_string_value(json_object_get(item, "what"));
        if (strcmp(what, "failed") == 0) {
            failures_told(a, item, now_ms);
        } else if (strcmp(what, "note") == 0) {
            alarm_drop(&a->notes);
            a->n_notes--;
        } else {
            incident_told(a, item, what, now_ms);
        }
    }
    a->notes_lost = 0;
    a->budget_ms = (a->budget_ms > now_ms ? a->budget_ms : now_ms) + interval_ms(a);
}
