/* routes_print.c: the table as people think of it, by client. Every row is worked out from the same conditions that a
 * match uses. A row of a glob holds for all its clients that have no row of their own. Out of memory is the string's to
 * tell. */
#include <stdlib.h>
#include <string.h>

#include "routes_index.h"

#define COLUMNS          3
#define COLUMN_WIDTH_MAX 60 /* longer cells stand out rather than push the columns apart */

struct printer {
    const struct routes *r;
    const struct prepared_value **clients; /* every value of a client condition once, by name */
    size_t n_clients;
    struct destination_set shared_labels; /* destinations that another one has the label of */
};

enum applies { APPLIES_NOT, APPLIES_SOMETIMES, APPLIES_ALWAYS };

static const struct prepared_value any_other = {.text = "*", .len = 1, .glob = true};

static bool is_everyone(const struct prepared_value *v)
{
    return strspn(v->text, "*") == v->len;
}

/* Every client of b is one of a's. A '*' of b can only be met by a '*' of a, which then meets all that it stands for. */
static bool covers(const struct prepared_value *a, const struct prepared_value *b)
{
    return value_matches(a, b->text, b->len);
}

/* Some text matches both globs: their beginnings agree and their ends agree; between is room for both middles. */
static bool globs_meet(const struct prepared_value *a, const struct prepared_value *b)
{
    size_t head_a = strcspn(a->text, "*"), head_b = strcspn(b->text, "*");
    size_t tail_a = strlen(strrchr(a->text, '*') + 1), tail_b = strlen(strrchr(b->text, '*') + 1);
    size_t head = head_a < head_b ? head_a : head_b, tail = tail_a < tail_b ? tail_a : tail_b;
    return memcmp(a->text, b->text, head) == 0 && memcmp(a->text + a->len - tail, b->text + b->len - tail, tail) == 0;
}

/* Some clients of the row match it, but neither all of them nor only such as have a row of their own. */
static bool meets_partly(const struct prepared_value *v, const struct prepared_value *row)
{
    return v->glob && row->glob && !is_everyone(row) && !covers(row, v) && globs_meet(row, v);
}

static enum applies applies_to(const struct prepared_route *p, const struct prepared_value *row)
{
    if (p->client == NO_CONDITION)
        return APPLIES_ALWAYS;
    enum applies result = APPLIES_NOT;
    const struct prepared_condition *c = &p->conditions[p->client];
    for (size_t i = 0; i < c->count; i++) {
        if (covers(&c->values[i], row))
            return APPLIES_ALWAYS;
        if (meets_partly(&c->values[i], row))
            result = APPLIES_SOMETIMES;
    }
    return result;
}

static bool has_other_conditions(const struct prepared_route *p)
{
    return p->count > (p->client == NO_CONDITION ? 0 : 1);
}

static struct route_walk walk_of(const struct printer *pr, const struct prepared_value *row)
{
    return row->glob ? route_walk_of(pr->r->index, NULL, 0) : route_walk_of(pr->r->index, row->text, row->len);
}

static struct destination_set always_of(const struct printer *pr, const struct prepared_value *row)
{
    struct destination_set set = {0};
    struct route_walk walk = walk_of(pr, row);
    size_t number;
    while (route_walk_next(&walk, &number)) {
        const struct prepared_route *p = &pr->r->index->prepared[number];
        if (has_other_conditions(p) || applies_to(p, row) != APPLIES_ALWAYS)
            continue;
        for (size_t i = 0; i < pr->r->routes[number].n_to; i++)
            destination_set_add(&set, pr->r->routes[number].to[i]);
    }
    return set;
}

static void put_destination(const struct printer *pr, size_t index, const char *before, struct str *out)
{
    const struct destination *d = &pr->r->destinations[index];
    str_puts(out, before);
    str_puts(out, d->label);
    if (destination_set_has(&pr->shared_labels, index))
        str_printf(out, " (%s)", d->name);
}

static void put_always(const struct printer *pr, const struct destination_set *always, struct str *out)
{
    const char *before = "";
    for (size_t i = 0; i < pr->r->n_destinations; i++) {
        if (!destination_set_has(always, i))
            continue;
        put_destination(pr, i, before, out);
        before = ", ";
    }
    if (*before == '\0')
        str_puts(out, "archive only");
}

/* "category CELTRA or PROMO"; of the client's condition only what meets the row. */
static void put_condition(const struct printer *pr, size_t route, size_t k, const struct prepared_value *row,
                          struct str *out)
{
    const struct prepared_route *p = &pr->r->index->prepared[route];
    const struct prepared_condition *c = &p->conditions[k];
    const char *before = " ";
    str_puts(out, pr->r->routes[route].conditions[k].key);
    for (size_t i = 0; i < c->count; i++) {
        if (k == p->client && !meets_partly(&c->values[i], row))
            continue;
        str_printf(out, "%s%s", before, c->values[i].text);
        before = " or ";
    }
}

static void put_route(const struct printer *pr, size_t route, const struct prepared_value *row, bool with_client,
                      const struct destination_set *always, struct str *out)
{
    const struct route *from = &pr->r->routes[route];
    size_t client = pr->r->index->prepared[route].client;
    size_t more = 0;
    for (size_t i = 0; i < from->n_to; i++)
        more += !destination_set_has(always, from->to[i]);
    if (more == 0)
        return;
    const char *before = out->len > 0 ? "; " : "";
    for (size_t k = 0; k < from->n_conditions; k++) {
        if (k == client && !with_client)
            continue;
        str_puts(out, before);
        put_condition(pr, route, k, row, out);
        before = " and ";
    }
    before = " -> ";
    for (size_t i = 0; i < from->n_to; i++) {
        if (destination_set_has(always, from->to[i]))
            continue;
        put_destination(pr, from->to[i], before, out);
        before = ", ";
    }
}

static void put_conditions(const struct printer *pr, const struct prepared_value *row,
                           const struct destination_set *always, struct str *out)
{
    struct route_walk walk = walk_of(pr, row);
    size_t number;
    while (route_walk_next(&walk, &number)) {
        const struct prepared_route *p = &pr->r->index->prepared[number];
        enum applies applies = applies_to(p, row);
        if (applies == APPLIES_SOMETIMES || (applies == APPLIES_ALWAYS && has_other_conditions(p)))
            put_route(pr, number, row, applies == APPLIES_SOMETIMES, always, out);
    }
    if (out->len == 0)
        str_puts(out, "-");
}

static void fill_row(const struct printer *pr, const struct prepared_value *row, struct str cells[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++)
        str_clear(&cells[i]);
    struct destination_set always = always_of(pr, row);
    str_puts(&cells[0], row == &any_other ? "(any other)" : row->text);
    put_always(pr, &always, &cells[1]);
    put_conditions(pr, row, &always, &cells[2]);
}

/* Characters, not bytes. */
static size_t width_of(const struct str *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->len; i++)
        n += ((unsigned char)s->bytes[i] & 0xc0) != 0x80;
    return n;
}

static void put_row(const struct str cells[COLUMNS], const size_t widths[COLUMNS], struct str *out)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (str_failed(&cells[i]))
            out->failed = true;
        str_puts(out, cells[i].bytes);
        if (i == COLUMNS - 1)
            break;
        for (size_t at = width_of(&cells[i]); at < widths[i] + 2; at++)
            str_putc(out, ' ');
        if (width_of(&cells[i]) >= widths[i] + 2)
            str_puts(out, "  ");
    }
    str_putc(out, '\n');
}

static void widen(const struct str cells[COLUMNS], size_t widths[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t width = width_of(&cells[i]);
        if (width > widths[i])
            widths[i] = width < COLUMN_WIDTH_MAX ? width : COLUMN_WIDTH_MAX;
    }
}

static int by_text(const void *a, const void *b)
{
    const struct prepared_value *const *x = a, *const *y = b;
    return strcmp((*x)->text, (*y)->text);
}

static bool collect_clients(struct printer *pr)
{
    const struct routes_index *index = pr->r->index;
    size_t most = 1;
    for (size_t i = 0; i < pr->r->n_routes; i++)
        if (index->prepared[i].client != NO_CONDITION)
            most += index->prepared[i].conditions[index->prepared[i].client].count;
    pr->clients = mem_alloc(most * sizeof *pr->clients);
    if (!pr->clients)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < pr->r->n_routes; i++) {
        const struct prepared_route *p = &index->prepared[i];
        for (size_t k = 0; p->client != NO_CONDITION && k < p->conditions[p->client].count; k++)
            if (!is_everyone(&p->conditions[p->client].values[k]))
                pr->clients[n++] = &p->conditions[p->client].values[k];
    }
    qsort(pr->clients, n, sizeof *pr->clients, by_text);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(pr->clients[i]->text, pr->clients[pr->n_clients - 1]->text) != 0)
            pr->clients[pr->n_clients++] = pr->clients[i];
    return true;
}

static void find_shared_labels(struct printer *pr)
{
    for (size_t i = 0; i < pr->r->n_destinations; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(pr->r->destinations[i].label, pr->r->destinations[k].label) != 0)
                continue;
            destination_set_add(&pr->shared_labels, i);
            destination_set_add(&pr->shared_labels, k);
        }
    }
}

void routes_print(const struct routes *r, struct str *out)
{
    struct printer pr = {.r = r};
    if (!collect_clients(&pr)) {
        out->failed = true;
        return;
    }
    find_shared_labels(&pr);
    struct str cells[COLUMNS] = {STR_INIT, STR_INIT, STR_INIT};
    size_t widths[COLUMNS] = {0};
    for (int measured = 0; measured < 2; measured++) {
        str_clear(&cells[0]);
        str_clear(&cells[1]);
        str_clear(&cells[2]);
        str_puts(&cells[0], "CLIENT");
        str_puts(&cells[1], "DESTINATIONS");
        str_puts(&cells[2], "CELTRA OR OTHER CONDITIONS");
        for (size_t i = 0; i <= pr.n_clients; i++) {
            measured ? put_row(cells, widths, out) : widen(cells, widths);
            fill_row(&pr, i < pr.n_clients ? pr.clients[i] : &any_other, cells);
        }
        measured ? put_row(cells, widths, out) : widen(cells, widths);
    }
    for (size_t i = 0; i < COLUMNS; i++)
        str_fini(&cells[i]);
    mem_free(pr.clients);
}
