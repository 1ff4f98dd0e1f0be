/* stats_json.c: the day's statistics to JSON and back. Reading builds a new set first and takes it only when all of it
 * is sound, so that a damaged snapshot changes nothing. */
#include <math.h>
#include <string.h>

#include "stats_inner.h"

#define STATS_VERSION 1

/* A number of the totals and where it stands in the JSON. */
struct total {
    const char *group, *key;
    size_t offset; /* into struct stats_totals */
    bool later;    /* older days do not have it */
};

#define TOTAL(group, key, member)                                                                                      \
    {                                                                                                                  \
        group, key, offsetof(struct stats_totals, member), false                                                       \
    }
static const struct total totals[] = {
    TOTAL("totals", "processed", processed),
    TOTAL("totals", "errors", errors),
    TOTAL("totals", "batches", batches),
    TOTAL("totals", "batch_tickets", batch_tickets),
    TOTAL("ways", "STARTUP", by_way[WAY_STARTUP]),
    TOTAL("ways", "REALTIME", by_way[WAY_REALTIME]),
    TOTAL("ways", "PERIODIC", by_way[WAY_PERIODIC]),
    TOTAL("ways", "ONCE", by_way[WAY_ONCE]),
    TOTAL("scans", "completed", scans),
    TOTAL("scans", "skipped", scans_skipped),
    TOTAL("scans", "slow", scans_slow),
    TOTAL("scans", "timed_out", scans_timed_out),
    TOTAL("scans", "found_by_scan_only", scan_only),
    {"totals", "retries", offsetof(struct stats_totals, retries), true},
};
#define N_TOTALS (sizeof totals / sizeof totals[0])

static const char *const client_keys[] = {"processed", "routed", "celtra", "errors"};
static const char *const destination_keys[] = {"delivered", "failed_attempts"};

/* Writing: every step goes on after a failure and the whole is thrown away at the end, so only the last line asks. */
struct writer_state {
    bool failed;
};

static void put(struct writer_state *w, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        w->failed = true;
}

static void put_count(struct writer_state *w, json_t *object, const char *key, uint64_t n)
{
    put(w, object, key, json_integer((json_int_t)n));
}

/* The object under this key, made where it is missing; borrowed. */
static json_t *group_of(struct writer_state *w, json_t *root, const char *key)
{
    json_t *group = json_object_get(root, key);
    if (group)
        return group;
    group = json_object();
    put(w, root, key, group);
    return w->failed ? NULL : group;
}

static json_t *categories_json(struct writer_state *w, const struct tally *client)
{
    json_t *object = json_object();
    for (const struct tally *t = client->categories; t; t = t->hh.next)
        put_count(w, object, t->name, t->n[CATEGORY_TICKETS]);
    if (client->other_categories > 0)
        put_count(w, object, STATS_OTHERS, client->other_categories);
    return object;
}

static void put_client(struct writer_state *w, json_t *clients, const struct tally *t, const char *name)
{
    json_t *object = json_object();
    for (size_t i = 0; i < TALLY_NUMBERS; i++)
        put_count(w, object, client_keys[i], t->n[i]);
    put(w, object, "categories", categories_json(w, t));
    put(w, clients, name, object);
}

static void put_destination(struct writer_state *w, json_t *destinations, const struct tally *t, const char *name)
{
    json_t *object = json_object();
    put_count(w, object, destination_keys[DESTINATION_DELIVERED], t->n[DESTINATION_DELIVERED]);
    put_count(w, object, destination_keys[DESTINATION_FAILED_ATTEMPTS], t->n[DESTINATION_FAILED_ATTEMPTS]);
    put(w, destinations, name, object);
}

static void put_tallies(struct writer_state *w, json_t *root, const struct stats *s)
{
    json_t *clients = group_of(w, root, "clients");
    for (const struct tally *t = s->clients; t; t = t->hh.next)
        put_client(w, clients, t, t->name);
    put_client(w, clients, &s->other_clients, STATS_OTHERS);
    json_t *destinations = group_of(w, root, "destinations");
    for (const struct tally *t = s->destinations; t; t = t->hh.next)
        put_destination(w, destinations, t, t->name);
    put_destination(w, destinations, &s->other_destinations, STATS_OTHERS);
}

static void put_hours(struct writer_state *w, json_t *root, const struct stats *s)
{
    json_t *hours = json_array();
    for (int i = 0; i < 24; i++) {
        json_t *hour = json_object();
        put_count(w, hour, "processed", s->hours[i].processed);
        put_count(w, hour, "errors", s->hours[i].errors);
        if (json_array_append_new(hours, hour) != 0)
            w->failed = true;
    }
    put(w, root, "hours", hours);
}

static void put_errors(struct writer_state *w, json_t *root, const struct stats *s)
{
    json_t *errors = json_array();
    uint64_t n = s->n_errors < STATS_ERRORS_MAX ? s->n_errors : STATS_ERRORS_MAX;
    for (uint64_t i = s->n_errors - n; i < s->n_errors; i++) {
        const struct stats_error *e = &s->errors[i % STATS_ERRORS_MAX];
        json_t *error = json_object();
        put(w, error, "time", json_integer(e->wall_ms));
        put(w, error, "client", json_string(e->client));
        put(w, error, "file", json_string(e->file));
        put(w, error, "error", json_string(e->text));
        if (json_array_append_new(errors, error) != 0)
            w->failed = true;
    }
    put(w, root, "last_errors", errors);
}

static void put_slowest(struct writer_state *w, json_t *root, const struct stats *s)
{
    json_t *slowest = json_array();
    for (size_t i = 0; i < s->n_slowest; i++) {
        const struct stats_kept_slow *kept = &s->slowest[i];
        json_t *one = json_pack("{s:s, s:s, s:s, s:f, s:I}", "client", kept->client, "file", kept->file, "destination",
                                kept->destination, "ms", kept->ms, "time", (json_int_t)kept->wall_ms);
        if (json_array_append_new(slowest, one) != 0)
            w->failed = true;
    }
    put(w, root, "slowest", slowest);
}

json_t *stats_to_json(const struct stats *s)
{
    struct writer_state w = {0};
    json_t *root = json_object();
    put(&w, root, "version", json_integer(STATS_VERSION));
    put(&w, root, "date", json_integer(s->date));
    for (size_t i = 0; i < N_TOTALS; i++) {
        const uint64_t *n = (const uint64_t *)(const void *)((const char *)&s->totals + totals[i].offset);
        put_count(&w, group_of(&w, root, totals[i].group), totals[i].key, *n);
    }
    put(&w, group_of(&w, root, "totals"), "total_ms", json_real(s->totals.total_ms));
    put(&w, group_of(&w, root, "scans"), "total_ms", json_real(s->scan_ms));
    put_tallies(&w, root, s);
    put_hours(&w, root, s);
    put_errors(&w, root, s);
    put_slowest(&w, root, s);
    if (!w.failed)
        return root;
    json_decref(root);
    return NULL;
}

static int get_count(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return ERR_BAD_FIELD;
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static int get_ms(const json_t *object, const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_number_value(value);
    return json_is_number(value) && isfinite(*out) && *out >= 0 ? 0 : ERR_BAD_FIELD;
}

static int get_text(const json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        return ERR_BAD_FIELD;
    stats_clean(text, out, size);
    return 0;
}

static int get_totals(struct stats *s, const json_t *root)
{
    for (size_t i = 0; i < N_TOTALS; i++) {
        uint64_t *n = (uint64_t *)(void *)((char *)&s->totals + totals[i].offset);
        const json_t *group = json_object_get(root, totals[i].group);
        int rc = totals[i].later && !json_object_get(group, totals[i].key) ? 0 : get_count(group, totals[i].key, n);
        if (rc != 0)
            return rc;
    }
    int rc = get_ms(json_object_get(root, "totals"), "total_ms", &s->totals.total_ms);
    return rc != 0 ? rc : get_ms(json_object_get(root, "scans"), "total_ms", &s->scan_ms);
}

/* The tally to fill: `others` for that name, else a new one. */
static struct tally *tally_for(struct tally **hash, struct tally *others, const char *name)
{
    return strcmp(name, STATS_OTHERS) == 0 ? others : stats_tally(hash, name);
}

static bool is_table(const json_t *object)
{
    return json_is_object(object) &&
           json_object_size(object) <= STATS_KEYS_MAX + (json_object_get(object, STATS_OTHERS) ? 1u : 0u);
}

static int get_categories(struct tally *client, json_t *object)
{
    if (!is_table(object))
        return ERR_BAD_FIELD;
    const char *name;
    json_t *value;
    json_object_foreach (object, name, value) {
        struct tally others = {0};
        struct tally *t = tally_for(&client->categories, &others, name);
        if (!t)
            return ERR_NOMEM;
        int rc = get_count(object, name, &t->n[CATEGORY_TICKETS]);
        if (rc != 0)
            return rc;
        client->other_categories += others.n[CATEGORY_TICKETS];
    }
    return 0;
}

static int get_clients(struct stats *s, json_t *object)
{
    if (!is_table(object))
        return ERR_BAD_FIELD;
    const char *name;
    json_t *value;
    json_object_foreach (object, name, value) {
        struct tally *t = tally_for(&s->clients, &s->other_clients, name);
        int rc = t ? 0 : ERR_NOMEM;
        for (size_t i = 0; i < TALLY_NUMBERS && rc == 0; i++)
            rc = get_count(value, client_keys[i], &t->n[i]);
        if (rc == 0)
            rc = get_categories(t, json_object_get(value, "categories"));
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int get_destinations(struct stats *s, json_t *object)
{
    if (!is_table(object))
        return ERR_BAD_FIELD;
    const char *name;
    json_t *value;
    json_object_foreach (object, name, value) {
        struct tally *t = tally_for(&s->destinations, &s->other_destinations, name);
        int rc = t ? 0 : ERR_NOMEM;
        for (size_t i = 0; i <= DESTINATION_FAILED_ATTEMPTS && rc == 0; i++)
            rc = get_count(value, destination_keys[i], &t->n[i]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int get_hours(struct stats *s, const json_t *hours)
{
    if (json_array_size(hours) != 24)
        return ERR_BAD_FIELD;
    for (size_t i = 0; i < 24; i++) {
        const json_t *hour = json_array_get(hours, i);
        if (get_count(hour, "processed", &s->hours[i].processed) != 0 ||
            get_count(hour, "errors", &s->hours[i].errors) != 0)
            return ERR_BAD_FIELD;
    }
    return 0;
}

static int get_errors(struct stats *s, const json_t *errors)
{
    if (!json_is_array(errors) || json_array_size(errors) > STATS_ERRORS_MAX)
        return ERR_BAD_FIELD;
    for (; s->n_errors < json_array_size(errors); s->n_errors++) {
        const json_t *from = json_array_get(errors, s->n_errors);
        struct stats_error *e = &s->errors[s->n_errors];
        const json_t *time = json_object_get(from, "time");
        if (!json_is_integer(time) || get_text(from, "client", e->client, sizeof e->client) != 0 ||
            get_text(from, "file", e->file, sizeof e->file) != 0 ||
            get_text(from, "error", e->text, sizeof e->text) != 0)
            return ERR_BAD_FIELD;
        e->wall_ms = json_integer_value(time);
    }
    return 0;
}

/* Older days have none. */
static int get_slowest(struct stats *s, const json_t *slowest)
{
    if (!slowest)
        return 0;
    if (!json_is_array(slowest) || json_array_size(slowest) > STATS_SLOWEST)
        return ERR_BAD_FIELD;
    for (; s->n_slowest < json_array_size(slowest); s->n_slowest++) {
        const json_t *from = json_array_get(slowest, s->n_slowest);
        struct stats_kept_slow *kept = &s->slowest[s->n_slowest];
        const json_t *time = json_object_get(from, "time");
        if (!json_is_integer(time) || get_ms(from, "ms", &kept->ms) != 0 ||
            get_text(from, "client", kept->client, sizeof kept->client) != 0 ||
            get_text(from, "file", kept->file, sizeof kept->file) != 0 ||
            get_text(from, "destination", kept->destination, sizeof kept->destination) != 0)
            return ERR_BAD_FIELD;
        kept->wall_ms = json_integer_value(time);
    }
    return 0;
}

static int read_all(struct stats *s, const json_t *root)
{
    int rc = get_totals(s, root);
    if (rc == 0)
        rc = get_clients(s, json_object_get(root, "clients"));
    if (rc == 0)
        rc = get_destinations(s, json_object_get(root, "destinations"));
    if (rc == 0)
        rc = get_hours(s, json_object_get(root, "hours"));
    if (rc == 0)
        rc = get_errors(s, json_object_get(root, "last_errors"));
    return rc != 0 ? rc : get_slowest(s, json_object_get(root, "slowest"));
}

int stats_from_json(struct stats *s, const json_t *j)
{
    const json_t *version = json_object_get(j, "version"), *date = json_object_get(j, "date");
    if (!json_is_integer(version) || json_integer_value(version) != STATS_VERSION || !json_is_integer(date))
        return ERR_BAD_FIELD;
    if (json_integer_value(date) != s->date)
        return ERR_CHANGED;
    struct stats *read = stats_new(s->date);
    if (!read)
        return ERR_NOMEM;
    int rc = read_all(read, j);
    if (rc == 0) {
        struct stats old = *s;
        *s = *read;
        s->changes = old.changes;
        *read = old;
    }
    stats_free(read);
    return rc;
}
