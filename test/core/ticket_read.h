/* ticket_read.h: a ticket read from a text, whole or in pieces. */
#ifndef SHUNT_TEST_TICKET_READ_H
#define SHUNT_TEST_TICKET_READ_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"
#include "shunt/core/ticket.h"

#define DETAILS(inside) "{\"JobSpecification\":{\"JobDetails\":{" inside "}}}"

static const struct ticket_limits wide = {.max_bytes = INT64_MAX, .max_depth = 1000};

struct read {
    struct pointer_set *set;
    struct ticket ticket;
    struct error error;
    int code;
};

static inline void read_begin(struct read *r)
{
    r->set = pointer_set_new();
    assert_non_null(r->set);
    ticket_init(&r->ticket);
    error_clear(&r->error);
    r->code = 0;
}

static inline void read_end(struct read *r)
{
    ticket_fini(&r->ticket);
    pointer_set_free(r->set);
}

static inline void read_bytes(struct read *r, struct ticket_limits limits, const char *text, size_t len, size_t chunk)
{
    struct ticket_parser *p = ticket_parser_new(r->set, limits);
    assert_non_null(p);
    for (size_t at = 0; at < len && r->code == 0; at += chunk) {
        r->code = ticket_parser_feed(p, text + at, chunk < len - at ? chunk : len - at, &r->error);
    }
    if (r->code == 0) {
        r->code = ticket_parser_finish(p, &r->ticket, &r->error);
    }
    ticket_parser_free(p);
    assert_int_equal(r->code, r->error.code);
}

static inline void read_text(struct read *r, const char *text)
{
    read_bytes(r, wide, text, strlen(text), strlen(text) + 1);
}

static inline void assert_field(const struct read *r, size_t index, enum field_kind kind, const char *text)
{
    assert_int_equal(r->code, 0);
    const struct field *field = &r->ticket.fields[index];
    assert_int_equal(field->kind, kind);
    if (text == NULL) {
        assert_null(field->text);
    } else {
        assert_non_null(field->text);
        assert_string_equal(field->text, text);
    }
}

#endif
