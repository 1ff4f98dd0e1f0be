/* incidents.c: see incidents.h. */
#include "shunt/service/incidents.h"

#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"

#define OPEN_MAX 1000 /* that are taken up */

static const char destination_down[] = "destination_down", store_degraded[] = "store_degraded", ledger[] = "ledger";

struct incident {
    struct incident *next;
    const char *kind;
    bool inherited; /* by an earlier run: not seen by this one yet */
    char subject[];
};

static struct incident **find(struct incidents *in, const char *kind, const char *subject)
{
    struct incident **at = &in->open;
    while (*at && ((*at)->kind != kind || strcmp((*at)->subject, subject) != 0))
        at = &(*at)->next;
    return at;
}

static struct incident *incident_new(const char *kind, const char *subject, bool inherited)
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

/* True: it stands open. */
static bool begin(struct incidents *in, const char *kind, const char *subject, int64_t at_ms, const char *text)
{
    struct incident **at = find(in, kind, subject);
    if (*at) {
        (*at)->inherited = false;
        return true;
    }
    struct incident *made = incident_new(kind, subject, false);
    const struct store_alert alert = {.kind = kind, .subject = subject, .at_ms = at_ms, .text = text};
    if (!made || !storage_alert(&in->service->storage, &alert, true)) {
        mem_free(made);
        return false;
    }
    *at = made;
    return true;
}

/* True: closed, and *at is the next one. */
static bool finish(struct incidents *in, struct incident **at)
{
    struct incident *over = *at;
    const struct store_alert alert = {.kind = over->kind, .subject = over->subject, .at_ms = wall_ms(in)};
    if (!storage_alert(&in->service->storage, &alert, false))
        return false;
    *at = over->next;
    mem_free(over);
    return true;
}

/* ---- what there is ---- */

static bool destination_is_over(const struct incidents *in, const struct incident *i)
{
    bool known = false, down = false, delivered = false;
    for (const struct lane *lane = in->service->lanes.lanes; lane; lane = lane->next) {
        if (strcmp(lane->name, i->subject) != 0)
            continue;
        known = true;
        down = down || lane->breaker.state != BREAKER_CLOSED;
        delivered = delivered || lane->delivered > 0;
    }
    return !known || (!down && (!i->inherited || delivered));
}

static bool is_over(const struct incidents *in, const struct incident *i)
{
    if (i->kind == destination_down)
        return destination_is_over(in, i);
    return i->kind == store_degraded ? !in->service->storage.degraded : in->service->jobs.ledger_difference == 0;
}

static void look_at_destinations(struct incidents *in)
{
    char text[256];
    for (const struct lane *lane = in->service->lanes.lanes; lane; lane = lane->next) {
        if (lane->breaker.state == BREAKER_CLOSED)
            continue;
        (void)snprintf(text, sizeof text, "%.200s is down: its deliveries wait", lane->label);
        (void)begin(in, destination_down, lane->name, wall_ms(in), text);
    }
}

/* It may be over again since the last look. */
static void look_at_store(struct incidents *in)
{
    const struct storage *st = &in->service->storage;
    if (st->degraded_ms != in->degraded_ms && begin(in, store_degraded, in->self, st->degraded_ms, st->why.text))
        in->degraded_ms = st->degraded_ms;
}

static void look_at_ledger(struct incidents *in)
{
    char text[80];
    const struct jobs *jobs = &in->service->jobs;
    if (jobs->ledger_difference == 0)
        return;
    (void)snprintf(text, sizeof text, "the ledger does not balance: %lld tickets", (long long)jobs->ledger_difference);
    (void)begin(in, ledger, in->self, wall_ms(in), text);
}

void incidents_look(struct incidents *in)
{
    look_at_destinations(in);
    look_at_store(in);
    look_at_ledger(in);
    for (struct incident **at = &in->open; *at;)
        if (!is_over(in, *at) || !finish(in, at))
            at = &(*at)->next;
}

/* ---- taking up ---- */

static const char *kind_of(const char *word)
{
    static const char *const kinds[] = {destination_down, store_degraded, ledger};
    for (size_t i = 0; word && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(word, kinds[i]) == 0)
            return kinds[i];
    return NULL;
}

static int inherit(struct incidents *in, const json_t *alerts)
{
    size_t i;
    const json_t *alert;
    json_array_foreach (alerts, i, alert) {
        const char *kind = kind_of(json_string_value(json_object_get(alert, "kind")));
        const char *subject = json_string_value(json_object_get(alert, "subject"));
        if (!kind || !subject || (kind != destination_down && strcmp(subject, in->self) != 0))
            continue;
        struct incident *made = incident_new(kind, subject, true);
        if (!made)
            return ERR_NOMEM;
        made->next = in->open;
        in->open = made;
    }
    return 0;
}

int incidents_init(struct incidents *in, struct service *s, struct error *e)
{
    json_t *alerts = NULL;
    struct error why = {0};
    *in = (struct incidents){.service = s};
    (void)snprintf(in->self, sizeof in->self, "instance %u", s->instance.number);
    int rc = s->storage.store ? store_alerts(s->storage.store, true, OPEN_MAX, &alerts, &why) : 0;
    if (rc == 0)
        rc = inherit(in, alerts);
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
