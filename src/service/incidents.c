/* incidents.c: see incidents.h. What is seen is raised with the alarm at each look, with its words of that moment. */
#include "shunt/service/incidents.h"

#include <stdio.h>
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/expect.h"
#include "shunt/core/json_get.h"

#include "incidents_inner.h"

#define INSTANCE " (instance " /* behind the subject */

struct incident {
    struct incident *next;
    enum incident_kind kind;
    bool seen;      /* by this look */
    bool inherited; /* by an earlier run: not seen by this one yet */
    char subject[];
};

static struct incident **find(struct incidents *in, enum incident_kind kind, const char *subject)
{
    struct incident **at = &in->open;
    while (*at && ((*at)->kind != kind || strcmp((*at)->subject, subject) != 0))
        at = &(*at)->next;
    return at;
}

static struct incident *incident_new(enum incident_kind kind, const char *subject, bool inherited)
{
    struct incident *i = mem_zalloc(sizeof *i + strlen(subject) + 1);
    if (i) {
        i->kind = kind;
        i->inherited = inherited;
        strcpy(i->subject, subject);
    }
    return i;
}

static int64_t wall_ms(const struct incidents *in)
{
    const struct clock *clock = in->service->rt.clock;
    return clock->wall_ms(clock);
}

static bool of_instance(enum incident_kind kind)
{
    return kind == STORE_DEGRADED || kind == LEDGER || kind == SCAN_TIMEOUT || kind == INTAKE_STOPPED;
}

/* Several instances may see the same: each opens and closes its own, by another subject. False: to be tried again. */
static bool store_it(struct incidents *in, enum incident_kind kind, struct store_alert *alert, bool open)
{
    struct str subject = STR_INIT;
    str_puts(&subject, alert->subject);
    if (in->service->instance.number > 0 && !of_instance(kind))
        str_printf(&subject, " (%s)", in->self);
    alert->kind = incident_words[kind];
    alert->subject = subject.bytes;
    bool stored = !str_failed(&subject) && storage_alert(&in->service->storage, alert, open);
    str_fini(&subject);
    return stored;
}

/* True: it stands in the store as open, or will. */
static bool open_it(struct incidents *in, enum incident_kind kind, const char *subject, int64_t at_ms, const char *text)
{
    struct incident **at = find(in, kind, subject);
    if (*at) {
        (*at)->inherited = false;
        (*at)->seen = true;
        return true;
    }
    struct incident *made = incident_new(kind, subject, false);
    struct store_alert alert = {.subject = subject, .at_ms = at_ms, .text = text};
    if (!made || !store_it(in, kind, &alert, true)) {
        mem_free(made);
        return false;
    }
    made->seen = true;
    *at = made;
    if (kind == DISK_LOW || kind == EXPECTED_MISSING)
        log_warn(incident_words[kind], "%s", text);
    return true;
}

/* Takes the words. What finds no memory is told by the next look. */
static void begin(struct incidents *in, enum incident_kind kind, const char *subject, struct words *w)
{
    const struct alarm_cause cause = {.kind = incident_words[kind],
                                      .subject = subject,
                                      .title = w->title.bytes,
                                      .text = w->text.bytes,
                                      .next = w->next.bytes,
                                      .todo = w->todo.bytes,
                                      .permanent = kind == LEDGER};
    struct str text = STR_INIT;
    str_printf(&text, "%s: %s", w->title.bytes, w->text.bytes);
    if (!words_failed(w) && !str_failed(&text) && open_it(in, kind, subject, wall_ms(in), text.bytes))
        (void)alarm_raise(in->service->rt.alarm, &cause, wall_ms(in));
    str_fini(&text);
    words_fini(w);
}

/* True: closed, and *at is the next one. */
static bool finish(struct incidents *in, struct incident **at)
{
    struct incident *over = *at;
    struct store_alert alert = {.subject = over->subject, .at_ms = wall_ms(in)};
    struct words w;
    words_init(&w);
    words_of_end(&w, in->service, over->kind, over->subject);
    bool closed = !words_failed(&w) &&
                  alarm_clear(in->service->rt.alarm, incident_words[over->kind], over->subject, w.title.bytes,
                              w.text.bytes, wall_ms(in)) == 0 &&
                  store_it(in, over->kind, &alert, false);
    words_fini(&w);
    if (!closed)
        return false;
    *at = over->next;
    mem_free(over);
    return true;
}

/* ---- what there is ---- */

static bool destination_is_over(const struct incidents *in, const struct incident *i)
{
    bool known = false, delivered = false;
    for (const struct lane *lane = in->service->lanes.lanes; lane; lane = lane->next) {
        if (strcmp(lane->name, i->subject) != 0)
            continue;
        known = true;
        delivered = delivered || lane->delivered > 0;
    }
    return !known || !i->inherited || delivered;
}

/* It was not seen. What an earlier run had seen is over only when this one knows better. */
static bool is_over(const struct incidents *in, const struct incident *i)
{
    const struct service *s = in->service;
    switch (i->kind) {
    case DESTINATION_DOWN:
        return destination_is_over(in, i);
    case DISK_LOW:
        return s->disks.of[DISK_HOT].known;
    case SCAN_TIMEOUT:
    case INTAKE_STOPPED:
        return !i->inherited || (s->scanner.number > 0 && !(s->scanner.full && s->scanner.way == WAY_STARTUP));
    default:
        return true;
    }
}

static void look_at_destinations(struct incidents *in)
{
    struct words w;
    for (const struct lane *lane = in->service->lanes.lanes; lane; lane = lane->next) {
        const bool is[INCIDENT_KINDS] = {[DESTINATION_DOWN] = lane->breaker.state != BREAKER_CLOSED,
                                         [DESTINATION_HANGS] = lane->hanging > 0,
                                         [DESTINATION_HELD] = lane->held && lane->queued > 0};
        for (enum incident_kind kind = DESTINATION_DOWN; kind <= DESTINATION_HELD; kind++) {
            if (!is[kind])
                continue;
            words_init(&w);
            words_of_lane(&w, lane, kind);
            begin(in, kind, lane->name, &w);
        }
    }
}

/* For people it is open while it lasts; the store takes it when it is back, which may be over again by then. */
static void look_at_store(struct incidents *in)
{
    const struct storage *st = &in->service->storage;
    if (st->degraded_ms != in->degraded_ms && open_it(in, STORE_DEGRADED, in->self, st->degraded_ms, st->why.text))
        in->degraded_ms = st->degraded_ms;
    if (!st->degraded)
        return;
    struct words w;
    words_init(&w);
    words_of_store(&w, in->service);
    begin(in, STORE_DEGRADED, in->self, &w);
}

static void look_at_ledger(struct incidents *in)
{
    struct words w;
    if (in->service->jobs.ledger_difference == 0)
        return;
    words_init(&w);
    words_of_ledger(&w, in->service);
    begin(in, LEDGER, in->self, &w);
}

static void look_at_scans(struct incidents *in)
{
    struct words w;
    if (!in->service->scanner.timed_out)
        return;
    words_init(&w);
    words_of_scans(&w, in->service);
    begin(in, SCAN_TIMEOUT, in->self, &w);
}

static void look_at_intake(struct incidents *in)
{
    const struct service *s = in->service;
    struct words w;
    if (s->scanner.missing.code == 0 && (s->intake.barred.code == 0 || s->intake.count == 0))
        return;
    words_init(&w);
    words_of_intake(&w, s);
    begin(in, INTAKE_STOPPED, in->self, &w);
}

static bool is_low(const struct incidents *in, const struct disk *disk)
{
    const struct settings *set = in->service->config->settings;
    return disk->known && disk->is.size_bytes > 0 && disk->is.free_bytes < (uint64_t)set->alerts_min_free_bytes;
}

/* Once for each disk, by the first folder that lies there. */
static void look_at_disks(struct incidents *in)
{
    const struct disk *disks = in->service->disks.of;
    struct words w;
    for (size_t i = 0; i < DISKS; i++) {
        size_t first = 0;
        while (first < i && !(is_low(in, &disks[first]) && disks[first].is.device == disks[i].is.device))
            first++;
        if (first < i || !is_low(in, &disks[i]))
            continue;
        words_init(&w);
        words_of_disk(&w, in->service, &disks[i]);
        begin(in, DISK_LOW, disks[i].name, &w);
    }
}

static void look_at_expected(struct incidents *in)
{
    const struct section_list *list = &in->service->config->settings->expects;
    struct words w;
    for (size_t i = 0; i < list->count; i++) {
        const struct expect *x = (const struct expect *)list->items[i];
        uint64_t came, min = (uint64_t)x->min;
        if (!expected_is_due(x, wall_ms(in)) || stats_client_tickets(in->service->rt.stats, x->client) >= min)
            continue; /* most are through by then: all that are in hand are not counted for nothing */
        if ((came = incident_came(in->service, x->client)) >= min)
            continue;
        words_init(&w);
        words_of_missing(&w, in->service, x, came);
        begin(in, EXPECTED_MISSING, x->section.name, &w);
    }
}

void incidents_look(struct incidents *in)
{
    for (struct incident *i = in->open; i; i = i->next)
        i->seen = false;
    look_at_destinations(in);
    look_at_store(in);
    look_at_ledger(in);
    look_at_scans(in);
    look_at_intake(in);
    look_at_disks(in);
    look_at_expected(in);
    for (struct incident **at = &in->open; *at;)
        if ((*at)->seen || !is_over(in, *at) || !finish(in, at))
            at = &(*at)->next;
}

/* ---- taking up ---- */

static bool kind_of(const char *word, enum incident_kind *out)
{
    for (enum incident_kind kind = 0; word && kind < INCIDENT_KINDS; kind++) {
        if (strcmp(word, incident_words[kind]) == 0) {
            *out = kind;
            return true;
        }
    }
    return false;
}

static bool is_of_a_living_one(const struct service *s, const char *subject)
{
    unsigned number;
    const char *instance = strstr(subject, INSTANCE);
    return instance && sscanf(instance, INSTANCE "%u)", &number) == 1 && number != s->instance.number &&
           instance_alive(s->config->underprocess, number);
}

int incidents_read(const struct service *s, struct store *store, json_t **alerts, struct error *e)
{
    int rc = store_alerts(store, true, INCIDENTS_OPEN_MAX, alerts, e);
    for (size_t i = rc == 0 ? json_array_size(*alerts) : 0; i-- > 0;)
        if (is_of_a_living_one(s, json_text_of(json_array_get(*alerts, i), "subject")))
            json_array_remove(*alerts, i);
    return rc;
}

/* A subject as the store has it. False: another instance's; true: *len bytes of it are the subject. Instance 0 closes what one
 * that is dead left open: as its own, by that subject. */
static bool is_ours(const struct incidents *in, enum incident_kind kind, const char *stored, size_t *len)
{
    const char *instance = strstr(stored, INSTANCE);
    *len = strlen(stored);
    if (of_instance(kind))
        return strcmp(stored, in->self) == 0;
    if (in->service->instance.number == 0)
        return true;
    *len = instance ? (size_t)(instance - stored) : 0;
    size_t n = strlen(in->self);
    return instance && strncmp(instance + 2, in->self, n) == 0 && strcmp(instance + 2 + n, ")") == 0;
}

static int take_up(struct incidents *in, enum incident_kind kind, const char *subject)
{
    if (*find(in, kind, subject))
        return 0;
    struct incident *made = incident_new(kind, subject, true);
    if (!made)
        return ERR_NOMEM;
    made->next = in->open;
    in->open = made;
    return 0;
}

static int take_up_stored(struct incidents *in, enum incident_kind kind, const char *stored)
{
    struct str subject = STR_INIT;
    size_t len;
    if (!is_ours(in, kind, stored, &len))
        return 0;
    str_add(&subject, stored, len);
    int rc = str_failed(&subject) ? ERR_NOMEM : take_up(in, kind, subject.bytes);
    str_fini(&subject);
    return rc;
}

/* What stands open in the store, and of what somebody is still to hear that it is over. */
int incidents_inherit(struct incidents *in, const json_t *alerts)
{
    size_t i;
    const json_t *alert;
    int rc = 0;
    enum incident_kind kind;
    json_array_foreach (alerts, i, alert) {
        const char *subject = json_string_value(json_object_get(alert, "subject"));
        if (rc == 0 && subject && kind_of(json_string_value(json_object_get(alert, "kind")), &kind))
            rc = take_up_stored(in, kind, subject);
    }
    for (kind = 0; kind < INCIDENT_KINDS; kind++) {
        const char *subject;
        for (size_t n = 0; rc == 0 && (subject = alarm_nth(in->service->rt.alarm, incident_words[kind], n)); n++)
            rc = take_up(in, kind, subject);
    }
    return rc;
}

int incidents_init(struct incidents *in, struct service *s, struct error *e)
{
    json_t *alerts = NULL;
    struct error why = {0};
    *in = (struct incidents){.service = s};
    (void)snprintf(in->self, sizeof in->self, "instance %u", s->instance.number);
    int rc = s->storage.store ? incidents_read(s, s->storage.store, &alerts, &why) : 0;
    if (rc != ERR_NOMEM)
        rc = incidents_inherit(in, alerts);
    json_decref(alerts);
    return rc == ERR_NOMEM ? error_set(e, rc, "out of memory") : 0;
}

void incidents_fini(struct incidents *in)
{
    while (in->open) {
        struct incident *i = in->open;
        in->open = i->next;
        mem_free(i);
    }
}
