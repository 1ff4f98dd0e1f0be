/* cmd_status.c: `shunt status`: is it running, does it move, what waits, what did it do today? Asked over the control
 * socket; where nobody answers, read from the store, which the service renews every few seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/cli/ask.h"
#include "shunt/cli/cli.h"
#include "shunt/cli/status_text.h"
#include "shunt/core/json_get.h"
#include "shunt/core/when.h"
#include "shunt/service/service.h"
#include "shunt/store/store.h"

#define STALE_MS   60000 /* a living loop saves every ten seconds */
#define TIMEOUT_MS 5000

/* What is told of: the first instance that lives and moves, else the first that lives, else what instance 0 left. */
struct finding {
    const char *health; /* "running" is the only good word */
    unsigned living;
    bool from_service;
    json_t *status; /* as the service answers it */
};

static bool is_running(const struct finding *f)
{
    return strcmp(f->health, "running") == 0;
}

/* The same as the service would answer, as far as the store knows. NULL: e says why. */
static json_t *load(const struct config *c, unsigned instance, struct error *e)
{
    struct store *store = NULL;
    json_t *snapshot = NULL, *totals = NULL, *alerts = NULL, *status = NULL;
    int rc = store_open(&store, c->settings->store_url, c->data, STORE_READ, e);
    rc = rc ? rc : store_load_snapshot(store, instance, &snapshot, e);
    rc = rc ? rc : store_totals(store, &totals, e);
    rc = rc ? rc : store_alerts(store, true, 0, &alerts, e);
    if (rc == 0 && !(status = json_pack("{s:O?, s:O, s:O, s:[]}", "snapshot", snapshot, "totals", totals, "alerts",
                                        alerts, "degraded")))
        error_set(e, ERR_NOMEM, "out of memory");
    json_decref(snapshot);
    json_decref(totals);
    json_decref(alerts);
    store_close(store);
    return status;
}

static bool fresh(const json_t *status)
{
    const json_t *snapshot = json_object_get(status, "snapshot");
    return snapshot && clock_real.wall_ms(&clock_real) - json_number_of(snapshot, "saved_ms") <= STALE_MS;
}

/* status: taken. */
static void offer(struct finding *f, const char *health, bool from_service, json_t *status)
{
    if (f->living++ > 0 && (is_running(f) || strcmp(health, "running") != 0)) {
        json_decref(status);
        return;
    }
    json_decref(f->status);
    f->status = status;
    f->health = health;
    f->from_service = from_service;
}

/* Asks that instance and no other. ERR_GONE: nobody listens there. */
static int ask_instance(const struct config *c, unsigned instance, json_t **status, struct error *e)
{
    struct ask a;
    ask_begin(&a, c);
    a.instance = instance;
    a.timeout_ms = TIMEOUT_MS;
    int rc = ask_get(&a, "/api/v1/status", status, e);
    if (rc == 0 && a.instance != instance) {
        json_decref(*status);
        *status = NULL;
        rc = error_set(e, ERR_GONE, "nobody listens");
    }
    ask_end(&a);
    return rc;
}

static void find(struct finding *f, const struct config *c, struct error *e)
{
    *f = (struct finding){.health = "not running"};
    for (unsigned i = 0; i < INSTANCES_MAX; i++) {
        json_t *status = NULL;
        struct error why = {0};
        bool alive = instance_alive(c->underprocess, i);
        if (!alive && i > 0)
            continue;
        int rc = ask_instance(c, i, &status, &why);
        if (rc == 0) {
            offer(f, text_in(status, "health") ? text_in(status, "health") : "running", true, status);
        } else if (alive) { /* it has no socket, or none for us, or hangs: what it wrote last tells */
            status = load(c, i, e);
            offer(f, rc != ERR_TIMEOUT && fresh(status) ? "running" : "stuck", false, status);
        }
    }
    if (f->living == 0)
        f->status = load(c, 0, e);
}

/* ---- JSON ---- */

static json_t *part(const struct finding *f, const char *key)
{
    json_t *value = json_object_get(f->status, key);
    return value ? value : json_null();
}

static int print_json(const struct finding *f)
{
    struct look look;
    struct str out = STR_INIT;
    look_at_output(&look);
    json_t *all = json_pack("{s:s, s:i, s:s, s:O, s:O, s:O, s:O}", "health", f->health, "instances", (int)f->living,
                            "source", f->from_service ? "service" : "store", "snapshot", part(f, "snapshot"), "totals",
                            part(f, "totals"), "alerts", part(f, "alerts"), "degraded", part(f, "degraded"));
    put_json(&out, &look, all, JSON_INDENT(2));
    str_putc(&out, '\n');
    json_decref(all);
    int code = cli_print(&out);
    str_fini(&out);
    return code;
}

/* ---- text ---- */

static void put_day(const json_t *snapshot, struct str *out)
{
    const json_t *day = json_object_get(snapshot, "stats");
    struct stats *stats = day ? stats_new((int)json_number_of(day, "date")) : NULL;
    if (stats && stats_from_json(stats, day) == 0)
        stats_text(stats, out);
    stats_free(stats);
}

static void label(struct str *out, const struct look *look, const char *text)
{
    char padded[16];
    snprintf(padded, sizeof padded, "%-10s ", text);
    put_painted(out, look, PAINT_HEAD, padded);
}

static void put_degraded(const json_t *status, const struct look *look, struct str *out)
{
    size_t i;
    const json_t *text;
    json_array_foreach (json_object_get(status, "degraded"), i, text) {
        struct str plain = STR_INIT;
        const char *value = json_string_value(text);
        str_plain(&plain, value ? value : "", value ? strlen(value) : 0);
        label(out, look, "Degraded");
        put_painted(out, look, PAINT_BAD, plain.bytes);
        str_putc(out, '\n');
        str_part_fini(&plain, out);
    }
}

static void put_alerts(const json_t *status, const struct look *look, struct str *out)
{
    size_t i;
    const json_t *alert;
    json_array_foreach (json_object_get(status, "alerts"), i, alert) {
        char since[WHEN_TEXT_MAX];
        struct str line = STR_INIT, plain = STR_INIT;
        const char *kind = text_in(alert, "kind"), *subject = text_in(alert, "subject"), *text = text_in(alert, "text");
        when_local(text_in(alert, "opened_at"), since);
        str_printf(&line, "%s %s since %s%s%s", kind ? kind : "?", subject ? subject : "?", since, text ? ": " : "",
                   text ? text : "");
        str_plain(&plain, line.bytes, line.len);
        label(out, look, "Alert");
        put_painted(out, look, PAINT_BAD, plain.bytes);
        str_putc(out, '\n');
        out->failed = out->failed || str_failed(&line) || str_failed(&plain);
        str_fini(&line);
        str_fini(&plain);
    }
}

static void put_head(const struct finding *f, const struct look *look, struct str *out)
{
    const json_t *snapshot = json_object_get(f->status, "snapshot");
    char started[WHEN_TEXT_MAX], saved[WHEN_TEXT_MAX];
    when_local(text_in(snapshot, "started"), started);
    when_local(text_in(snapshot, "saved"), saved);
    str_puts(out, "shunt is ");
    put_painted(out, look, paint_of_status(f->health), f->health);
    if (snapshot && !f->from_service)
        str_printf(out, "; started %s, last heard of %s", started, saved);
    else if (snapshot)
        str_printf(out, "; started %s, process %" JSON_INTEGER_FORMAT, started, json_number_of(snapshot, "pid"));
    str_puts(out, "\n\n");
}

static void put_now(const json_t *snapshot, struct str *out)
{
    const json_t *ledger = json_object_get(snapshot, "ledger"), *queue = json_object_get(snapshot, "queue");
    double turn_ms = json_number_value(json_object_get(json_object_get(snapshot, "loop"), "longest_turn_ms"));
    str_printf(out,
               "%" JSON_INTEGER_FORMAT " in work, %" JSON_INTEGER_FORMAT " waiting, %" JSON_INTEGER_FORMAT
               " names queued; the loop's longest turn took %.1f ms\n",
               json_number_of(ledger, "in_work"), json_number_of(ledger, "waiting"), json_number_of(queue, "queued"),
               turn_ms);
}

static int print_text(const struct finding *f)
{
    const json_t *snapshot = json_object_get(f->status, "snapshot");
    int64_t now = clock_real.wall_ms(&clock_real);
    struct look look;
    struct str out = STR_INIT;
    look_at_output(&look);
    if (f->living > 1)
        str_printf(&out, "%u instances work on this hot folder; of the first:\n", f->living);
    put_head(f, &look, &out);
    label(&out, &look, "Jobs");
    status_totals(f->status, &look, &out);
    str_putc(&out, '\n');
    label(&out, &look, "Oldest");
    status_oldest(f->status, now, &out);
    str_putc(&out, '\n');
    if (json_is_object(snapshot)) {
        label(&out, &look, "Now");
        put_now(snapshot, &out);
        label(&out, &look, "Rate");
        status_rate(f->status, now, &out);
        str_putc(&out, '\n');
        label(&out, &look, "Ledger");
        status_ledger(f->status, &out);
        str_putc(&out, '\n');
    }
    put_degraded(f->status, &look, &out);
    put_alerts(f->status, &look, &out);
    str_putc(&out, '\n');
    put_day(snapshot, &out);
    str_puts(&out, json_is_object(snapshot) ? "\n\n" : "");
    status_destinations(f->status, &look, 0, &out);
    int code = cli_print(&out);
    str_fini(&out);
    return code;
}

static int print(const struct cli *cli, const struct finding *f, const struct error *e)
{
    if (cli->quiet)
        return EXIT_DONE;
    if (cli->json)
        return print_json(f);
    if (!f->status) {
        printf("shunt is %s, and nothing is stored yet%s%s\n", f->health, e->code ? ": " : "", e->text);
        return EXIT_DONE;
    }
    if (f->living == 0)
        fprintf(stderr, "shunt is not running; from the store:\n");
    return print_text(f);
}

static int run(const struct cli *cli)
{
    struct config *c = cli_config(cli);
    if (!c)
        return EXIT_CONFIG;
    struct error e = {0};
    struct finding f;
    find(&f, c, &e);
    int code = print(cli, &f, &e);
    bool healthy = f.status && is_running(&f);
    json_decref(f.status);
    config_free(c);
    return healthy ? code : EXIT_FAILED;
}

static const struct cli_option options[] = {
    OPTION_JSON("all that is known, as JSON"),
    {.letter = 'q', .name = "quiet", .offset = offsetof(struct cli, quiet), .help = "the exit code only"},
    {.name = NULL},
};

static const struct cli_example examples[] = {
    {"shunt status --quiet || systemctl restart shunt", "As a health check does it."},
    {.line = NULL},
};

const struct cli_command cmd_status = {
    .name = "status",
    .summary = "is it running, what waits, and what did it do today",
    .description =
        "Tells whether the service runs and moves, how many jobs are in which state, what waits for longest, how "
        "its destinations do, what of it does not work as it should and since when, and what it did today. Asks the running "
        "service, or reads the store where none runs, and says so. The exit code is 0 only when it is healthy.",
    .options = options,
    .examples = examples,
    .run = run,
};
