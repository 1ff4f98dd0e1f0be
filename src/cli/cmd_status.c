/* cmd_status.c: `shunt status`: is it running, does it move, what did it do today? Read from the store, which the
 * service renews every few seconds. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/cli/cli.h"
#include "shunt/service/service.h"
#include "shunt/service/snapshot.h"
#include "shunt/store/store.h"

#define STALE_MS 60000 /* a living loop saves every ten seconds */

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "-";
}

static void print_day(const json_t *snapshot)
{
    const json_t *day = json_object_get(snapshot, "stats");
    struct stats *stats = day ? stats_new((int)number(day, "date")) : NULL;
    struct str out = STR_INIT;
    if (stats && stats_from_json(stats, day) == 0)
        stats_text(stats, &out);
    if (out.len > 0)
        puts(out.bytes);
    str_fini(&out);
    stats_free(stats);
}

static void print_destinations(const json_t *snapshot)
{
    size_t i;
    json_t *d;
    puts("Destinations:");
    json_array_foreach (json_object_get(snapshot, "destinations"), i, d)
        printf("  %-24s %-8s %lld in hand, %lld delivered, %lld failures since start%s%s\n", text(d, "label"),
               text(d, "breaker"), (long long)number(d, "in_hand"), (long long)number(d, "delivered"),
               (long long)number(d, "failures"), json_is_true(json_object_get(d, "hanging")) ? " (hanging)" : "",
               json_is_true(json_object_get(d, "held")) ? " (held)" : "");
}

static void print_text(const json_t *snapshot, const char *health)
{
    const json_t *ledger = json_object_get(snapshot, "ledger"), *queue = json_object_get(snapshot, "queue");
    printf("shunt is %s; started %s, last heard of %s\n\n", health, text(snapshot, "started"), text(snapshot, "saved"));
    printf("Now: %lld in work, %lld waiting, %lld names queued; the loop's longest turn took %.1f ms\n\n",
           (long long)number(ledger, "in_work"), (long long)number(ledger, "waiting"),
           (long long)number(queue, "queued"),
           json_number_value(json_object_get(json_object_get(snapshot, "loop"), "longest_turn_ms")));
    print_day(snapshot);
    puts("");
    print_destinations(snapshot);
}

static json_t *load(const struct config *c, unsigned instance, struct error *e)
{
    struct store *store = NULL;
    json_t *snapshot = NULL;
    if (store_open(&store, c->settings->store_url, c->data, STORE_READ, e) == 0)
        store_load_snapshot(store, instance, &snapshot, e);
    store_close(store);
    return snapshot;
}

static bool fresh(const json_t *snapshot)
{
    return snapshot && clock_real.wall_ms(&clock_real) - number(snapshot, "saved_ms") <= STALE_MS;
}

/* What is told of: the first instance that lives and moves, else the first that lives, else what instance 0 left. */
struct finding {
    const char *health; /* "running" is the only good word */
    unsigned living;
    json_t *snapshot;
};

static void find(struct finding *f, const struct config *c, struct error *e)
{
    *f = (struct finding){.health = "not running"};
    for (unsigned i = 0; i < INSTANCES_MAX; i++) {
        if (!instance_alive(c->underprocess, i))
            continue;
        json_t *snapshot = load(c, i, e);
        f->living++;
        if (f->living == 1 || (fresh(snapshot) && f->health[0] != 'r')) {
            json_decref(f->snapshot);
            f->snapshot = json_incref(snapshot);
            f->health = fresh(snapshot) ? "running" : "stuck";
        }
        json_decref(snapshot);
    }
    if (f->living == 0)
        f->snapshot = load(c, 0, e);
}

static void print_json(const struct finding *f)
{
    json_t *all =
        json_pack("{s:s, s:i, s:O*}", "health", f->health, "instances", (int)f->living, "snapshot", f->snapshot);
    char *dump = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    puts(dump ? dump : "{}");
    mem_free(dump);
    json_decref(all);
}

static int run(const struct cli *cli)
{
    struct config *c = cli_config(cli);
    if (!c)
        return EXIT_CONFIG;
    struct error e = {0};
    struct finding f;
    find(&f, c, &e);
    if (cli->json && !cli->quiet) {
        print_json(&f);
    } else if (!cli->quiet && f.snapshot) {
        if (f.living > 1)
            printf("%u instances work on this hot folder; of the first:\n", f.living);
        print_text(f.snapshot, f.health);
    } else if (!cli->quiet) {
        printf("shunt is %s, and nothing is stored yet%s%s\n", f.health, e.code ? ": " : "", e.text);
    }
    bool healthy = f.snapshot && f.health[0] == 'r';
    json_decref(f.snapshot);
    config_free(c);
    return healthy ? EXIT_DONE : EXIT_FAILED;
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
    .summary = "is it running, and what did it do today",
    .description = "Tells from the store, which the service renews every few seconds, whether the service runs and "
                   "moves, and what it did today. The exit code is 0 only when it is healthy.",
    .options = options,
    .examples = examples,
    .run = run,
};
