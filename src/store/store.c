#include "shunt/store/store.h"

#include <string.h>

#include "shunt/base/str.h"

static const struct store_driver *const drivers[] = {&store_file};
#define DRIVERS (sizeof drivers / sizeof *drivers)

static int unknown_scheme(const char *url, size_t n, struct error *e)
{
    struct str known = STR_INIT;
    for (size_t i = 0; i < DRIVERS; i++) {
        str_printf(&known, "%s%s:", i > 0 ? ", " : "", drivers[i]->scheme);
    }
    /* only the scheme is shown: the rest may hold a password */
    int rc = n > 0 ? error_set(e, ERR_CONFIG, "%.*s: is no kind of store; known: %s", (int)n, url, known.bytes)
                   : error_set(e, ERR_CONFIG, "the store's URL does not begin with its kind; known: %s", known.bytes);
    str_fini(&known);
    return rc;
}

int store_open(struct store **out, const char *url, const char *base, struct error *e)
{
    *out = NULL;
    const char *colon = strchr(url, ':');
    size_t n = colon ? (size_t)(colon - url) : 0;
    for (size_t i = 0; i < DRIVERS && n > 0; i++) {
        if (strlen(drivers[i]->scheme) == n && memcmp(drivers[i]->scheme, url, n) == 0) {
            return drivers[i]->open(out, colon + 1, base, e);
        }
    }
    return unknown_scheme(url, n < 32 ? n : 32, e);
}

int store_save(struct store *s, const json_t *snapshot, struct error *e)
{
    return s->driver->save(s, snapshot, e);
}

int store_load(struct store *s, json_t **snapshot, struct error *e)
{
    *snapshot = NULL;
    return s->driver->load(s, snapshot, e);
}

void store_close(struct store *s)
{
    if (s) {
        s->driver->close(s);
    }
}
