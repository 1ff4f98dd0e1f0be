/* A table and a ticket from the input; what routes_match says is compared with a matcher that goes through every route, condition
 * and value in the plainest way.
 *
 * Input: a line a route, its parts separated by '|': client values, category values, /x values (each may be empty: no condition), and
 * digits 0 to 7, its destinations. After a line "%" a line each for the ticket's client, category, studio, title and /x: "=text", or
 * "{" an object, else absent. What would be a fault in routes.ini is mended, so that nearly every input is a table. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/core/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DESTINATIONS 8
#define ROUTES       200
#define FIELDS       (FIELD_BUILTIN_COUNT + 1)

struct text {
    const char *at;
    size_t len;
};

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* The part up to `end` or the end; *rest goes behind it. False: nothing is left. */
static bool next_part(struct text *rest, char end, struct text *part)
{
    if (!rest->at) {
        return false;
    }
    const char *stop = memchr(rest->at, end, rest->len);
    part->at = rest->at;
    part->len = stop ? (size_t)(stop - rest->at) : rest->len;
    rest->len -= stop ? part->len + 1 : part->len;
    rest->at = stop ? stop + 1 : NULL;
    return true;
}

static bool add_condition(struct str *ini, const char *key, struct text values)
{
    struct str clean = STR_INIT;
    bool any = false;
    for (size_t i = 0; i < values.len; i++) {
        char c = values.at[i] > ' ' && values.at[i] < 127 ? values.at[i] : ' ';
        any |= c != ' ' && c != ',';
        str_putc(&clean, c);
    }
    if (any) {
        str_printf(ini, "%s = %s\n", key, clean.bytes);
    }
    str_fini(&clean);
    return any;
}

static void add_route(struct str *ini, struct text line, unsigned number)
{
    const char *const keys[] = {"client", "category", "/x"};
    struct text part = {0};
    bool any = false, to[DESTINATIONS] = {false};
    str_printf(ini, "[route %u]\n", number);
    for (size_t i = 0; i < 3; i++) {
        if (next_part(&line, '|', &part)) {
            any |= add_condition(ini, keys[i], part);
        }
    }
    if (!any) {
        str_puts(ini, "client = *\n");
    }
    str_printf(ini, "to = d%u", number % DESTINATIONS);
    to[number % DESTINATIONS] = true;
    for (size_t i = 0; line.at && i < line.len; i++) {
        unsigned d = (unsigned)(unsigned char)line.at[i] - '0';
        if (d < DESTINATIONS && !to[d]) {
            str_printf(ini, ", d%u", d);
            to[d] = true;
        }
    }
    str_putc(ini, '\n');
}

static struct routes *table_of(struct text *rest)
{
    struct str ini = STR_INIT;
    for (unsigned i = 0; i < DESTINATIONS; i++) {
        str_printf(&ini, "[destination d%u]\npath = P%u\n", i, i);
    }
    /* /x is the fifth field, also where no route asks for it. */
    str_puts(&ini, "[route first]\n/x = never so\nto = d0\n");
    struct text line;
    for (unsigned n = 0; n < ROUTES && next_part(rest, '\n', &line) && !(line.len == 1 && line.at[0] == '%'); n++) {
        add_route(&ini, line, n);
    }
    struct faults faults;
    faults_init(&faults);
    struct routes *r = routes_new("routes.ini", ini.bytes, ini.len, &faults);
    must((r != NULL) != faults_any(&faults));
    faults_fini(&faults);
    str_fini(&ini);
    return r;
}

/* '*' is any run of bytes, by trying all of them; bounded by the step count, beyond which the input is not judged. */
static bool plain_glob(const char *pattern, const char *text, size_t n, unsigned *steps)
{
    if (++*steps > 100000) {
        return false;
    }
    if (*pattern == '\0') {
        return n == 0;
    }
    if (*pattern == '*') {
        return plain_glob(pattern + 1, text, n, steps) || (n > 0 && plain_glob(pattern, text + 1, n - 1, steps));
    }
    return n > 0 && *pattern == *text && plain_glob(pattern + 1, text + 1, n - 1, steps);
}

static bool plain_condition(const struct route_condition *c, const struct ticket *t, unsigned *steps)
{
    const struct field *f = &t->fields[c->field];
    for (size_t i = 0; i < c->count; i++) {
        if (f->text && plain_glob(c->values[i], f->text, f->len, steps)) {
            return true;
        }
    }
    return false;
}

struct expectation {
    const struct ticket *ticket;
    bool to[DESTINATIONS];
    unsigned steps;
};

static void compare_verdict(void *user, const struct route_verdict *v)
{
    struct expectation *x = user;
    bool all = true;
    for (size_t i = 0; i < v->route->n_conditions; i++) {
        bool held = plain_condition(&v->route->conditions[i], x->ticket, &x->steps);
        must(x->steps > 100000 || held == v->held[i]);
        all &= held;
    }
    must(x->steps > 100000 || all == v->matched);
    for (size_t i = 0; all && i < v->route->n_to; i++) {
        x->to[v->route->to[i]] = true;
    }
}

static void compare(const struct routes *r, const struct ticket *t)
{
    struct expectation x = {.ticket = t};
    size_t out[DESTINATIONS], n = routes_match(r, t, out), at = 0;
    must(routes_explain(r, t, compare_verdict, &x) == 0);
    for (size_t i = 0; i < n; i++) {
        must(out[i] < DESTINATIONS && (i == 0 || out[i - 1] < out[i]));
    }
    if (x.steps > 100000) {
        return;
    }
    for (size_t i = 0; i < DESTINATIONS; i++) {
        if (x.to[i]) {
            must(at < n && out[at++] == i);
        }
    }
    must(at == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text rest = {.at = (const char *)data, .len = size}, line;
    if (size == 0 || size > 20000) {
        return 0;
    }
    struct routes *r = table_of(&rest);
    if (!r) {
        return 0; /* the values held "[" and the like in a way that was not mended */
    }
    struct field fields[FIELDS] = {{0}};
    for (size_t i = 0; i < FIELDS && next_part(&rest, '\n', &line); i++) {
        if (line.len > 0 && line.at[0] == '=') {
            fields[i] =
                (struct field){.kind = FIELD_STRING, .text = (char *)(uintptr_t)(line.at + 1), .len = line.len - 1};
        } else if (line.len > 0 && line.at[0] == '{') {
            fields[i].kind = FIELD_OBJECT;
        }
    }
    const struct ticket ticket = {.fields = fields, .count = FIELDS};
    compare(r, &ticket);
    routes_unref(r);
    return 0;
}
