/* routes_table.h: tables of routes from texts, tickets to match them with. */
#ifndef SHUNT_TEST_ROUTES_TABLE_H
#define SHUNT_TEST_ROUTES_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/core/routes.h"

#ifndef SOURCE_DIR
#ifdef SHUNT_TEST_DATA
#define SOURCE_DIR SHUNT_TEST_DATA "/../.."
#else
#define SOURCE_DIR "."
#endif
#endif

#define DESTINATIONS "[destination a]\npath = A\n[destination b]\npath = B\n[destination c]\npath = C\n"

static inline struct routes *table_of(const char *text)
{
    struct faults faults;
    faults_init(&faults);
    struct routes *r = routes_new("routes.ini", text, strlen(text), &faults);
    for (size_t i = 0; i < faults.count; i++)
        print_error("%s\n", faults.texts[i]);
    assert_non_null(r);
    assert_false(faults_any(&faults));
    faults_fini(&faults);
    return r;
}

/* A ticket with texts for the first fields of a table's pointer set; NULL: absent. */
struct sample {
    struct ticket ticket;
    struct field fields[POINTERS_MAX];
};

static inline const struct ticket *sample_of(struct sample *s, size_t n, const char *const texts[])
{
    memset(s, 0, sizeof *s);
    s->ticket = (struct ticket){.fields = s->fields, .count = n};
    for (size_t i = 0; i < n; i++)
        if (texts[i])
            s->fields[i] =
                (struct field){.kind = FIELD_STRING, .text = (char *)(uintptr_t)texts[i], .len = strlen(texts[i])};
    return &s->ticket;
}

/* Names of the destinations in their order: "a b". */
static inline const char *match_ticket(const struct routes *r, const struct ticket *ticket)
{
    static char names[1024];
    size_t out[ROUTES_DESTINATIONS_MAX];
    size_t n = routes_match(r, ticket, out);
    names[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        assert_true(out[i] < r->n_destinations);
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? " " : "",
                 r->destinations[out[i]].name);
    }
    return names;
}

static inline const char *match(const struct routes *r, const char *client, const char *category)
{
    struct sample s;
    const char *const texts[FIELD_BUILTIN_COUNT] = {[FIELD_CLIENT] = client, [FIELD_CATEGORY] = category};
    return match_ticket(r, sample_of(&s, FIELD_BUILTIN_COUNT, texts));
}

/* etc/routes.ini */
static inline struct routes *sample_table(void)
{
    FILE *f = fopen(SOURCE_DIR "/etc/routes.ini", "r");
    assert_non_null(f);
    static char text[65536];
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    return table_of(text);
}

struct heard {
    char text[4096];
    unsigned count;
};

static inline void hear_verdict(void *user, const struct route_verdict *v)
{
    struct heard *h = user;
    size_t at = strlen(h->text);
    snprintf(h->text + at, sizeof h->text - at, "%s %s", v->route->name, v->matched ? "yes" : "no");
    for (size_t i = 0; i < v->route->n_conditions; i++) {
        at = strlen(h->text);
        snprintf(h->text + at, sizeof h->text - at, " %s=%d", v->route->conditions[i].key, v->held[i]);
    }
    strcat(h->text, "\n");
}

#endif
