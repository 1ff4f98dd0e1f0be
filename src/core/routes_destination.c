/* routes_destination.c: the keys of a [destination NAME]. A bad value is a fault and leaves the default, so that the
 * rest of the file can be checked against the section all the same. */
#include <string.h>

#include "shunt/base/error.h"
#include "shunt/core/ini.h"
#include "shunt/core/units.h"

#include "routes_parse.h"

#define PATH_MAX_BYTES      4000 /* the data root and a ticket's name come beside it */
#define PATH_PART_MAX_BYTES 255
#define CONCURRENCY_MAX     1024
#define ATTEMPTS_MAX        1000
#define FACTOR_MAX          100
#define PAUSE_MIN_MS        10
#define DAY_MS              INT64_C(86400000)

static const char *path_reason(const char *path)
{
    size_t len = strlen(path);
    if (len > PATH_MAX_BYTES)
        return "is too long";
    if (!utf8_valid(path, len))
        return "is not UTF-8";
    if (text_has_control(path, len))
        return "holds a control character";
    for (const char *part = path; *part;) {
        size_t n = strcspn(part, "/");
        if (n == 2 && part[0] == '.' && part[1] == '.')
            return "may not hold \"..\"";
        if (n > PATH_PART_MAX_BYTES)
            return "has a part of more than 255 bytes";
        part += n + (part[n] == '/');
    }
    return NULL;
}

static void set_path(struct parser *p, const struct ini_entry *entry, char **slot)
{
    const char *reason = path_reason(entry->value);
    if (reason)
        parse_fault(p, entry, "%s %s", entry->key, reason);
    parse_text(p, slot, entry->value);
}

/* By their place in routes_destination_keys. */
enum destination_key {
    KEY_PATH,
    KEY_LABEL,
    KEY_DRIVER,
    KEY_MODE,
    KEY_OWNER,
    KEY_GROUP,
    KEY_CONFLICT,
    KEY_CONCURRENCY,
    KEY_CREATE,
    KEY_MOUNT,
    KEY_ATTEMPTS,
    KEY_FIRST,
    KEY_FACTOR,
    KEY_MAX,
    KEY_ALERTS,
};

static void set_conflict(struct parser *p, const struct ini_entry *entry, struct destination *d)
{
    const char *const *words = routes_destination_keys[KEY_CONFLICT].words;
    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(entry->value, words[i]) == 0) {
            d->conflict = (enum conflict)i;
            return;
        }
    }
    parse_fault(p, entry, "conflict is replace, keep or fail, not \"%s\"", entry->value);
}

static void set_number(struct parser *p, const struct ini_entry *entry, struct destination *d, enum destination_key key)
{
    struct error e = {0};
    int64_t n = 0;
    if (key == KEY_MODE) {
        d->has_mode = true;
        units_mode(entry->value, &d->mode, &e);
    } else if (key == KEY_CREATE) {
        units_bool(entry->value, &d->create, &e);
    } else if (units_count(entry->value, 0, CONCURRENCY_MAX, &n, &e) == 0) {
        d->concurrency = (unsigned)n;
    }
    if (e.code != 0)
        parse_fault(p, entry, "%s: %s", entry->key, e.text);
}

static int get_pause(const char *value, int64_t most_ms, uint32_t *out, struct error *e)
{
    int64_t ms;
    if (units_ms(value, &ms, e) != 0)
        return e->code;
    if (ms < PAUSE_MIN_MS || ms > most_ms)
        return error_set(e, ERR_CONFIG, "\"%s\" is not between %dms and %dd", value, PAUSE_MIN_MS,
                         (int)(most_ms / DAY_MS));
    *out = (uint32_t)ms;
    return 0;
}

static int get_factor(const char *value, float *out, struct error *e)
{
    double factor;
    if (units_factor(value, &factor, e) != 0)
        return e->code;
    if (factor < 1 || factor > FACTOR_MAX)
        return error_set(e, ERR_CONFIG, "\"%s\" is not between 1 and %d", value, FACTOR_MAX);
    *out = (float)factor;
    return 0;
}

void parse_retry(struct parser *p, const struct ini_entry *entry, struct retry_own *own)
{
    struct error e = {0};
    struct retry_own said = {0};
    int64_t attempts = 0;
    if (strcmp(entry->key, "attempts") == 0 && units_count(entry->value, 1, ATTEMPTS_MAX, &attempts, &e) == 0)
        said.attempts = (uint32_t)attempts;
    else if (strcmp(entry->key, "first") == 0)
        (void)get_pause(entry->value, DAY_MS, &said.first_ms, &e);
    else if (strcmp(entry->key, "max") == 0)
        (void)get_pause(entry->value, 7 * DAY_MS, &said.max_ms, &e);
    else if (strcmp(entry->key, "factor") == 0)
        (void)get_factor(entry->value, &said.factor, &e);
    bool repeated = (said.attempts > 0 && own->attempts > 0) || (said.first_ms > 0 && own->first_ms > 0) ||
                    (said.max_ms > 0 && own->max_ms > 0) || (said.factor > 0 && own->factor > 0);
    if (repeated) {
        parse_fault(p, entry, "key \"%s\" is repeated", entry->key);
        return;
    }
    retry_most(own, &said);
    if ((said.first_ms > 0 || said.max_ms > 0) && own->max_ms > 0 && own->first_ms > own->max_ms)
        error_set(&e, ERR_CONFIG, "first is longer than max");
    if (e.code != 0)
        parse_fault(p, entry, "%s: %s", entry->key, e.text);
}

static void set_alerts(struct parser *p, const struct ini_entry *entry, struct destination *d)
{
    struct error e = {0};
    bool yes;
    if (units_bool(entry->value, &yes, &e) == 0)
        d->alerts = yes ? TOLD_YES : TOLD_NO;
    else
        parse_fault(p, entry, "%s: %s", entry->key, e.text);
}

static void set_destination(struct parser *p, const struct ini_entry *entry, struct destination *d,
                            enum destination_key key)
{
    switch (key) {
    case KEY_PATH:
        p->destinations[d->index].line = entry->line;
        set_path(p, entry, &d->path);
        break;
    case KEY_MOUNT:
        set_path(p, entry, &d->mount);
        break;
    case KEY_LABEL:
    case KEY_DRIVER:
        if (entry->value[0] == '\0')
            parse_fault(p, entry, "%s is empty", entry->key);
        else if (text_has_control(entry->value, strlen(entry->value)))
            parse_fault(p, entry, "%s holds a control character", entry->key);
        parse_text(p, key == KEY_LABEL ? &d->label : &d->driver, entry->value);
        break;
    case KEY_OWNER:
        parse_text(p, &d->owner, entry->value);
        break;
    case KEY_GROUP:
        parse_text(p, &d->group, entry->value);
        break;
    case KEY_CONFLICT:
        set_conflict(p, entry, d);
        break;
    case KEY_MODE:
    case KEY_CONCURRENCY:
    case KEY_CREATE:
        set_number(p, entry, d, key);
        break;
    case KEY_ATTEMPTS:
    case KEY_FIRST:
    case KEY_FACTOR:
    case KEY_MAX:
        parse_retry(p, entry, &d->retry);
        break;
    case KEY_ALERTS:
        set_alerts(p, entry, d);
        break;
    }
}

void parse_destination_key(struct parser *p, const struct ini_entry *entry)
{
    struct destination *d = &p->routes->destinations[p->routes->n_destinations - 1];
    struct draft *draft = &p->destinations[d->index];
    struct near near = near_to(entry->key);
    /* A '#' may stand in a folder's name. */
    if (strstr(entry->value, " ;"))
        parse_fault(p, entry, "%s: \"%s\" seems to hold a comment; comments go on a line of their own", entry->key,
                    entry->value);
    for (unsigned key = 0; routes_destination_keys[key].name; key++) {
        near_offer(&near, routes_destination_keys[key].name);
        if (strcmp(entry->key, routes_destination_keys[key].name) != 0)
            continue;
        if (draft->seen & 1u << key)
            parse_fault(p, entry, "key \"%s\" is repeated", entry->key);
        else
            set_destination(p, entry, d, (enum destination_key)key);
        draft->seen |= 1u << key;
        return;
    }
    parse_unknown_key(p, entry, near);
}
