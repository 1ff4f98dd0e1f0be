/* report_make.c: see report_make.h. */
#include "shunt/service/report_make.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shunt/base/embedded.h"
#include "shunt/base/mem.h"
#include "shunt/core/mail_text.h"
#include "shunt/core/mustache.h"
#include "shunt/core/report.h"
#include "shunt/core/when.h"
#include "shunt/io/files.h"
#include "shunt/service/instance.h"

#define TEMPLATE_MAX (256 * 1024)
#define ALERTS_MAX   1000
#define ROWS_MIN     5 /* so few always fit */

extern const struct embedded report_templates[];
extern const size_t report_templates_count;

const char *const report_formats[] = {"json", "html", "text", NULL};

/* --- from the store --- */

static bool is_of(const json_t *stats, int day)
{
    return json_integer_value(json_object_get(stats, "date")) == day;
}

/* The day as an instance has it that has not ended it yet: its last snapshot. */
static int add_unended(struct store *store, const struct report_order *order, int day, json_t *days, struct error *e)
{
    int rc = 0;
    for (unsigned i = 0; store && i < INSTANCES_MAX && rc == 0; i++) {
        char name[16];
        json_t *snapshot = NULL;
        snprintf(name, sizeof name, "%u", i);
        if (json_object_get(days, name) || (order->snapshot && i == order->instance))
            continue;
        rc = store_load_snapshot(store, i, &snapshot, e);
        json_t *stats = json_object_get(snapshot, "stats");
        if (rc == 0 && is_of(stats, day) && json_object_set(days, name, stats) != 0)
            rc = error_set(e, ERR_NOMEM, "out of memory");
        json_decref(snapshot);
    }
    json_t *own = json_object_get(order->snapshot, "stats");
    char name[16];
    snprintf(name, sizeof name, "%u", order->instance);
    if (rc == 0 && is_of(own, day) && json_object_set(days, name, own) != 0)
        rc = error_set(e, ERR_NOMEM, "out of memory");
    return rc;
}

static int load_day(struct store *store, int day, json_t **days, struct error *e)
{
    if (store)
        return store_load_day(store, day, days, e);
    *days = json_object();
    return *days ? 0 : error_set(e, ERR_NOMEM, "out of memory");
}

/* What was made of it when it was over. NULL and 0: nothing. */
static int load_made(struct store *store, const struct report_order *order, json_t **report, struct error *e)
{
    *report = NULL;
    int rc = store && !order->anew ? store_load_report(store, order->day, report, e) : 0;
    if (*report && json_object_size(*report) == 0) {
        json_decref(*report);
        *report = NULL;
    }
    return rc;
}

static int make(struct store *store, const struct report_order *order, json_t **report, struct error *e)
{
    json_t *days = NULL, *before = NULL, *week = NULL, *totals = NULL, *alerts = NULL;
    int rc = load_day(store, order->day, &days, e);
    rc = rc ? rc : add_unended(store, order, order->day, days, e);
    if (rc == 0 && json_object_size(days) == 0 && !order->uncounted) {
        char date[WHEN_TEXT_MAX];
        when_day_text(order->day, date);
        rc = error_set(e, ERR_GONE, "%s: nothing is kept of this day", date);
    }
    rc = rc ? rc : load_day(store, when_day_add(order->day, -1), &before, e);
    if (rc == 0 && json_object_size(before) == 0)
        rc = add_unended(store, order, when_day_add(order->day, -1), before, e);
    rc = rc ? rc : load_day(store, when_day_add(order->day, -7), &week, e);
    rc = rc || !store ? rc : store_totals(store, &totals, e);
    rc = rc || !store ? rc : store_alerts(store, false, ALERTS_MAX, &alerts, e);
    const struct report_source source = {.day = order->day,
                                         .days = days,
                                         .days_before = before,
                                         .days_week = week,
                                         .snapshot = order->snapshot,
                                         .totals = totals,
                                         .alerts = alerts,
                                         .now_ms = order->now_ms,
                                         .late = order->late};
    if (rc == 0 && !(*report = report_new(&source)))
        rc = error_set(e, ERR_NOMEM, "out of memory");
    json_t *const all[] = {days, before, week, totals, alerts};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        json_decref(all[i]);
    return rc;
}

int report_make(struct store *store, const struct report_order *order, json_t **report, struct error *e)
{
    int rc = load_made(store, order, report, e);
    return rc || *report ? rc : make(store, order, report, e);
}

/* --- as what is asked for --- */

static const char *template_name(enum report_format format)
{
    return format == REPORT_HTML ? "report.html" : "report.txt";
}

/* *read: mem_free. */
static int find_template(const struct config *c, enum report_format format, bool own, struct mustache_text *text,
                         char **read, struct error *e)
{
    const char *name = template_name(format);
    *read = NULL;
    for (size_t i = 0; i < report_templates_count; i++)
        if (strcmp(report_templates[i].name, name) == 0)
            *text = (struct mustache_text){name, report_templates[i].bytes, report_templates[i].size};
    if (own || !c->templates)
        return 0;
    char *path = files_join(c->templates, name);
    struct error why = {0};
    size_t len = 0;
    int rc = path ? files_read(path, TEMPLATE_MAX, read, &len, &why) : error_set(&why, ERR_NOMEM, "out of memory");
    mem_free(path);
    if (rc == ERR_NOPLACE) /* only the other is another's */
        return 0;
    if (rc == 0)
        *text = (struct mustache_text){name, *read, len};
    return rc ? error_set(e, rc, "%s", why.text) : 0;
}

static int render(const struct config *c, const json_t *report, const struct mustache_text *text, size_t rows,
                  struct str *out, struct error *e)
{
    const struct settings *s = c->settings;
    const struct report_brand brand = {s->brand_name, s->brand_colour, s->brand_background, s->brand_font};
    json_t *view = report_view(report, &brand, rows);
    int rc = view ? mustache_render(text, NULL, 0, view, out, e) : error_set(e, ERR_NOMEM, "out of memory");
    json_decref(view);
    return rc;
}

static int render_text(const struct config *c, const json_t *report, const struct mustache_text *text, size_t most,
                       struct str *out, struct error *e)
{
    struct error why;
    int rc;
    size_t rows = REPORT_ROWS;
    for (bool again = true; again; rows /= 2) {
        struct str made = STR_INIT;
        error_clear(&why);
        rc = render(c, report, text, rows, &made, &why);
        bool large = rc == ERR_TOO_LARGE || (rc == 0 && mail_encoded_size(made.bytes, made.len) > most);
        again = large && rows / 2 >= ROWS_MIN;
        if (rc == 0 && !again)
            str_add(out, made.bytes, made.len);
        str_fini(&made);
    }
    if (rc == 0 && str_failed(out))
        rc = error_set(&why, ERR_NOMEM, "out of memory");
    return rc ? error_set(e, rc, "%s", why.text) : 0;
}

int report_render(const struct config *c, const json_t *report, enum report_format format, bool own, struct str *out,
                  struct error *e)
{
    if (format == REPORT_JSON) {
        char *json = json_dumps(report, JSON_INDENT(2));
        str_puts(out, json ? json : "");
        str_putc(out, '\n');
        int rc = json && !str_failed(out) ? 0 : error_set(e, ERR_NOMEM, "out of memory");
        mem_free(json);
        return rc;
    }
    struct mustache_text text = {0};
    char *read;
    int rc = find_template(c, format, own, &text, &read, e);
    rc = rc ? rc : render_text(c, report, &text, format == REPORT_HTML ? REPORT_HTML_MAX : REPORT_TEXT_MAX, out, e);
    mem_free(read);
    return rc;
}

/* A folder that is not there would be one without templates. */
static void check_folder(const struct config *c, struct faults *faults)
{
    struct error e = {0};
    int fd = files_open_folder(c->templates, &e);
    if (fd < 0)
        faults_add(faults, c->file, 0, "[report] templates: %s", e.text);
    else
        close(fd);
}

void report_check_templates(const struct config *c, struct faults *faults)
{
    const struct report_source nothing = {.day = 20260206};
    json_t *report = c->templates ? report_new(&nothing) : NULL;
    if (c->templates && !report)
        faults_add(faults, c->file, 0, "out of memory");
    if (c->templates)
        check_folder(c, faults);
    for (int format = REPORT_HTML; report && format <= REPORT_TEXT; format++) {
        struct str out = STR_INIT;
        struct error e = {0};
        if (report_render(c, report, (enum report_format)format, false, &out, &e) != 0)
            faults_add(faults, c->file, 0, "[report] templates: %s", e.text);
        str_fini(&out);
    }
    json_decref(report);
}
