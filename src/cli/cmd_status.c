/* cmd_status.c: `shunt status`: is it running, does it move, what did it do today? Read from the store, which the
 * service renews every few seconds. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "shunt/base/clock.h"
#include "shunt/cli/cli.h"
#include "shunt/service/service.h"
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
        printf("  %-24s %-8s %lld in hand, %lld delivered, %lld failures since start%s\n", text(d, "label"),
               text(d, "breaker"), (long long)number(d, "in_hand"), (long long)number(d, "delivered"),
               (long long)number(d, "failures"), json_is_true(json_object_get(d, "hanging")) ? " (hanging)" : "");
}

static void print_text(const json_t *snapshot, const char *health)
{
    const json_t *ledger = json_object_get(snapshot, "ledger"), *queue = json_object_get(snapshot, "queue");
    printf("shunt is %s; started %s, last heard of %s\n\n", health, text(snapshot, "started"), text(snapshot, "saved"));
    printf("Now: %lld in work, %lld waiting, %lld names queued\n\n", (long long)number(ledger, "in_work"),
           (long long)number(ledger, "waiting"), (long long)number(queue, "queued"));
    print_day(snapshot);
    puts("");
    print_destinations(snapshot);
}

/* "running" is the only healthy word. */
static const char *health_of(const struct config *c, const json_t *snapshot)
{
    if (!instance_alive(c->underprocess))
        return "not running";
    if (!snapshot || clock_real.wall_ms(&clock_real) - number(snapshot, "saved_ms") > STALE_MS)
        return "stuck";
    return "running";
}

static json_t *load(const struct config *c, struct error *e)
{
    struct store *store = NULL;
    json_t *snapshot = NULL;
    if (store_open(&store, c->settings->store_url, c->data, e) == 0)
        store_load(store, &snapshot, e);
    store_close(store);
    return snapshot;
}

static int run(const struct cli *cli)
{
    struct config *c = cli_config(cli);
    if (!c)
        return EXIT_CONFIG;
    struct error e = {0};
    json_t *snapshot = load(c, &e);
    const char *health = health_of(c, snapshot);
    bool healthy = snapshot && health[0] == 'r';
    if (cli->json && !cli->quiet) {
        json_t *all = json_pack("{s:s, s:O*}", "health", health, "snapshot", snapshot);
        char *dump = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
        puts(dump ? dump : "{}");
        free(dump);
        json_decref(all);
    } else if (!cli->quiet && snapshot) {
        print_text(snapshot, health);
    } else if (!cli->quiet) {
        printf("shunt is %s, and nothing is stored yet%s%s\n", health, e.code ? ": " : "", e.text);
    }
    json_decref(snapshot);
    config_free(c);
    return healthy ? EXIT_DONE : EXIT_FAILED;
}

const struct cli_command cmd_status = {"status", "", "is it running, and what did it do today", run};
