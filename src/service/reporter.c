/* reporter.c: see reporter.h. */
#include "shunt/service/reporter.h"

#include <stdio.h>
#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/report.h"
#include "shunt/core/when.h"
#include "shunt/io/work.h"
#include "shunt/service/report_make.h"
#include "shunt/service/snapshot.h"

#define RETRY_MS 30000
#define NEXT_MS  1     /* perhaps there is another day */
#define WAIT_MS  1000  /* until every instance has ended the day */
#define STUCK_MS 60000 /* an instance that saved nothing for so long is not waited for */

struct reporter {
    struct service *service;
    int due;        /* the newest day whose time has come; not asked of the clock again: it may go back a little */
    int looked_day; /* up to here all is done */
    struct wait again;
    bool busy, told;
    json_t *handed; /* dates whose rows may not be written yet */
    json_t *report; /* NULL; or of `day`, until the outbox has its mail */
    int day;
};

struct making {
    struct work work; /* first */
    struct reporter *reporter;
    const struct config *config;
    int due, at_minutes;
    unsigned instance;
    int64_t now_ms;
    json_t *snapshot, *handed;
    /* what was found */
    int day;     /* 0: none is due */
    bool begins; /* there was none ever until then: they begin after `due` */
    bool waits;  /* an instance has not ended `due` yet */
    json_t *report;
    struct str html, text;
    struct error error, templates; /* templates: those of the folder are at fault */
};

/* --- on the pool's thread --- */

struct looking {
    struct store *store;
    struct error *error;
};

static bool is_kept(void *user, int day)
{
    const struct looking *looking = user;
    json_t *days = NULL;
    int rc = store_load_day(looking->store, day, &days, looking->error);
    bool kept = rc == 0 && json_object_size(days) > 0;
    json_decref(days);
    return kept;
}

/* Of a clock that was far ahead there may be later ones. */
static bool any_until(const json_t *dates, int due)
{
    size_t i;
    const json_t *date;
    json_array_foreach (dates, i, date)
        if (json_integer_value(date) <= due)
            return true;
    return false;
}

static int find_day(struct making *m, struct store *store)
{
    json_t *made = NULL;
    struct looking looking = {store, &m->error};
    int rc = store_reports(store, &made, &m->error);
    if (rc == 0 && json_array_extend(made, m->handed) != 0)
        rc = error_set(&m->error, ERR_NOMEM, "out of memory");
    if (rc == 0) {
        m->begins = !any_until(made, m->due);
        m->day = m->begins ? 0 : report_next_day(m->due, made, is_kept, &looking);
        rc = m->error.code;
    }
    json_decref(made);
    return rc;
}

/* With its first snapshot of a later date an instance has written the day that ended before. */
static bool has_ended(const struct making *m, struct store *store, unsigned instance)
{
    json_t *snapshot = NULL;
    struct error ignored = {0};
    (void)store_load_snapshot(store, instance, &snapshot, &ignored);
    bool ended = json_integer_value(json_object_get(json_object_get(snapshot, "stats"), "date")) > m->due;
    int64_t age_ms = m->now_ms - json_integer_value(json_object_get(snapshot, "saved_ms"));
    json_decref(snapshot);
    return ended || (instance != m->instance && age_ms > STUCK_MS);
}

static bool all_have_ended(const struct making *m, struct store *store)
{
    bool all = has_ended(m, store, m->instance);
    for (unsigned i = 0; all && i < INSTANCES_MAX; i++)
        if (i != m->instance && instance_alive(m->config->underprocess, i))
            all = has_ended(m, store, i);
    return all;
}

static int render(struct making *m, enum report_format format, struct str *out)
{
    int rc = report_render(m->config, m->report, format, false, out, &m->templates);
    if (rc == 0 || rc == ERR_NOMEM)
        return rc ? error_set(&m->error, rc, "out of memory") : 0;
    return report_render(m->config, m->report, format, true, out, &m->error);
}

static int keep_copy(struct making *m, const struct str *text, const char *ending)
{
    char date[WHEN_TEXT_MAX];
    struct str path = STR_INIT;
    when_day_text(m->day, date);
    str_printf(&path, "%s/report-%s.%s", m->config->logs, date, ending);
    int rc = str_failed(&path) ? error_set(&m->error, ERR_NOMEM, "out of memory")
                               : files_write(path.bytes, text->bytes, text->len, m->config->settings->mode, &m->error);
    str_fini(&path);
    return rc;
}

static int make(struct making *m, struct store *store)
{
    struct report_order order = {.day = m->day,
                                 .snapshot = m->snapshot,
                                 .instance = m->instance,
                                 .now_ms = m->now_ms,
                                 .late = report_is_late(m->day, m->at_minutes, m->now_ms),
                                 .anew = true,
                                 .uncounted = true};
    int rc = report_make(store, &order, &m->report, &m->error);
    rc = rc ? rc : render(m, REPORT_HTML, &m->html);
    rc = rc ? rc : render(m, REPORT_TEXT, &m->text);
    rc = rc ? rc : files_mkdirs(m->config->logs, m->config->settings->folder_mode, false, &m->error);
    rc = rc ? rc : keep_copy(m, &m->html, "html");
    return rc ? rc : keep_copy(m, &m->text, "txt");
}

static void run(struct work *work)
{
    struct making *m = (struct making *)work;
    struct store *store = NULL;
    int rc = store_open(&store, m->config->settings->store_url, m->config->data, STORE_READ, &m->error);
    m->waits = rc == 0 && !all_have_ended(m, store); /* what is not written yet would not be found */
    if (rc == 0 && !m->waits && find_day(m, store) == 0 && m->day != 0)
        (void)make(m, store);
    store_close(store);
}

/* --- on the loop --- */

static void making_free(struct making *m)
{
    json_decref(m->snapshot);
    json_decref(m->handed);
    json_decref(m->report);
    str_fini(&m->html);
    str_fini(&m->text);
    mem_free(m);
}

static void look(struct reporter *r);

static void on_again(struct wait *wait)
{
    look((struct reporter *)((char *)wait - offsetof(struct reporter, again)));
}

/* Without memory for it: reporter_pump. */
static void look_again(struct reporter *r, int64_t pause_ms)
{
    (void)wait_set(&r->service->rt, &r->again, pause_ms, on_again);
}

static void tell_failed(struct reporter *r, const struct making *m)
{
    if (!r->told)
        log_write(LOG_EVENT(LOG_WARN, "report_failed", .error = m->error.text),
                  "The daily report cannot be made now: it is tried again");
    r->told = true;
    look_again(r, RETRY_MS);
}

/* Without memory for it the day may be looked for, and done, again before its row is written: that changes nothing. */
static void note_handed(struct reporter *r, int day)
{
    (void)json_array_append_new(r->handed, json_integer(day));
    if (json_array_size(r->handed) > 2 * REPORT_CATCH_UP)
        (void)json_array_remove(r->handed, 0);
}

/* The row: from here on the day is done. Without memory for it, all is done again, under the same key and names. */
static void record(struct reporter *r)
{
    char date[WHEN_TEXT_MAX];
    when_day_text(r->day, date);
    bool late = json_is_true(json_object_get(r->report, "late"));
    if (!storage_report(&r->service->storage, r->day, r->report)) {
        json_decref(r->report);
        look_again(r, RETRY_MS);
    } else {
        note_handed(r, r->day);
        look_again(r, NEXT_MS);
        log_info("report", "The report of %s is made%s%s: report-%s.html and .txt in %s", date, late ? ", late" : "",
                 reporter_has_mail(r->service) ? " and mailed" : "", date, r->service->config->logs);
    }
    r->report = NULL;
}

static void on_saved(void *user)
{
    record(user);
}

/* Not before the outbox has the mail for good: a row without its mail would be a mail that is lost. False: no memory. */
static bool hand_over(struct reporter *r, struct making *m)
{
    char date[WHEN_TEXT_MAX], key[WHEN_TEXT_MAX + 16];
    const struct report_mail mail = {key, m->report, &m->html, &m->text};
    when_day_text(m->day, date);
    snprintf(key, sizeof key, "report:%s", date);
    bool mailed = reporter_has_mail(r->service);
    if (mailed && !reporter_mail(r->service, &mail, on_saved, r))
        return false;
    r->report = m->report;
    r->day = m->day;
    m->report = NULL;
    if (!mailed)
        record(r);
    return true;
}

/* None was ever made: the first day to be reported on is the one that is due next. */
static bool begin(struct reporter *r, const struct making *m)
{
    json_t *none = json_object();
    if (!none || !storage_report(&r->service->storage, m->due, none)) {
        json_decref(none);
        return false;
    }
    note_handed(r, m->due);
    return true;
}

static void on_made(struct work *work)
{
    struct making *m = (struct making *)work;
    struct reporter *r = m->reporter;
    r->busy = false;
    if (m->templates.code != 0)
        log_write(LOG_EVENT(LOG_WARN, "report_templates", .error = m->templates.text),
                  "The report is made by the program's own templates");
    if (m->error.code != 0)
        tell_failed(r, m);
    else if (m->waits)
        look_again(r, WAIT_MS);
    else if (m->begins ? !begin(r, m) : m->day != 0 && !hand_over(r, m))
        look_again(r, RETRY_MS);
    else if (m->begins || m->day == 0)
        r->looked_day = m->due;
    if (r->looked_day != r->due && !due_listed(&r->again.due) && !r->report)
        look_again(r, NEXT_MS); /* its time came meanwhile */
    r->told = r->told && m->error.code != 0;
    making_free(m);
}

static struct making *making_new(struct reporter *r, int due, int at_minutes)
{
    const struct service *s = r->service;
    struct making *m = mem_zalloc(sizeof *m);
    if (!m)
        return NULL;
    str_init(&m->html);
    str_init(&m->text);
    m->reporter = r;
    m->config = s->config;
    m->due = due;
    m->at_minutes = at_minutes;
    m->instance = s->instance.number;
    m->now_ms = s->rt.clock->wall_ms(s->rt.clock);
    m->snapshot = snapshot_of(s, "running");
    m->handed = json_deep_copy(r->handed);
    if (m->snapshot && m->handed)
        return m;
    making_free(m);
    return NULL;
}

static void look(struct reporter *r)
{
    const struct service *s = r->service;
    if (r->busy || r->report || s->rt.draining || r->due == r->looked_day)
        return;
    if (s->storage.degraded || !s->storage.store) {
        look_again(r, WAIT_MS);
        return;
    }
    struct making *m = making_new(r, r->due, report_at_minutes(s->config->settings->report_at));
    r->busy = m && work_submit(s->rt.loop, &m->work, run, on_made) == 0;
    if (!r->busy) {
        if (m)
            making_free(m);
        look_again(r, RETRY_MS);
    }
}

void reporter_look(struct reporter *r, int64_t wall_ms)
{
    const struct service *s = r->service;
    if (!s->config->settings->report_enabled)
        return;
    r->due = report_due_day(wall_ms, report_at_minutes(s->config->settings->report_at));
    look(r);
}

void reporter_pump(struct reporter *r)
{
    if (!due_listed(&r->again.due))
        look(r);
}

bool reporter_idle(const struct reporter *r)
{
    return !r->busy;
}

struct reporter *reporter_new(struct service *s)
{
    struct reporter *r = mem_zalloc(sizeof *r);
    if (!r || !(r->handed = json_array())) {
        mem_free(r);
        return NULL;
    }
    r->service = s;
    return r;
}

void reporter_close(struct reporter *r)
{
    if (r)
        wait_cancel(&r->service->rt, &r->again);
}

void reporter_free(struct reporter *r)
{
    if (!r)
        return;
    json_decref(r->handed);
    json_decref(r->report);
    mem_free(r);
}
