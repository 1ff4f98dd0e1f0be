/* A ticket cut into chunks of any size is judged as the whole: same code, same words, same fields.
 * Input: one byte n, then n bytes that give the sizes of the chunks (each one more than its byte), used again and
 * again, then the document. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/base/str.h"
#include "shunt/core/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH_MAX 100

struct outcome {
    int code;
    struct error error;
    struct ticket ticket;
};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static struct pointer_set *make_set(void)
{
    static const char *const pointers[] = {"", "/a", "/a/0", "/a/1/b", "/0", "/x~1y", "/m~0n", "/"};
    struct pointer_set *set = pointer_set_new();
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        size_t index;
        require(pointer_set_add(set, pointers[i], &index, NULL) == 0);
    }
    return set;
}

static size_t next_size(const uint8_t *sizes, size_t n_sizes, size_t turn)
{
    return n_sizes == 0 ? SIZE_MAX : (size_t)sizes[turn % n_sizes] + 1;
}

static void parse(const struct pointer_set *set, const uint8_t *sizes, size_t n_sizes, const uint8_t *text, size_t len,
                  struct outcome *out)
{
    struct ticket_parser *p =
        ticket_parser_new(set, (struct ticket_limits){.max_bytes = INT64_MAX, .max_depth = DEPTH_MAX});
    require(p != NULL);
    error_clear(&out->error);
    ticket_init(&out->ticket);
    out->code = 0;
    for (size_t at = 0, turn = 0; at < len && out->code == 0; turn++) {
        size_t n = next_size(sizes, n_sizes, turn);
        n = n < len - at ? n : len - at;
        uint8_t *chunk = malloc(n);
        require(chunk != NULL);
        memcpy(chunk, text + at, n);
        out->code = ticket_parser_feed(p, chunk, n, &out->error);
        free(chunk);
        at += n;
    }
    if (out->code == 0) {
        out->code = ticket_parser_finish(p, &out->ticket, &out->error);
    }
    ticket_parser_free(p);
}

static void check_outcome(const struct outcome *out)
{
    require(out->code == out->error.code);
    require(out->code == 0 || out->code == ERR_SYNTAX || out->code == ERR_INCOMPLETE || out->code == ERR_TOO_DEEP ||
            out->code == ERR_TOO_LARGE || out->code == ERR_BAD_FIELD);
    require((out->code == 0) == (out->ticket.fields != NULL));
    for (size_t i = 0; i < out->ticket.count; i++) {
        const struct field *field = &out->ticket.fields[i];
        bool texts = field->kind != FIELD_ABSENT && field->kind != FIELD_OBJECT && field->kind != FIELD_ARRAY;
        require(texts == (field->text != NULL));
        require(!texts || (utf8_valid(field->text, field->len) && field->text[field->len] == '\0' &&
                           field->len <= FIELD_TEXT_MAX));
    }
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    require(a->code == b->code && strcmp(a->error.text, b->error.text) == 0 && a->ticket.count == b->ticket.count);
    for (size_t i = 0; i < a->ticket.count; i++) {
        const struct field *x = &a->ticket.fields[i], *y = &b->ticket.fields[i];
        require(x->kind == y->kind && x->len == y->len);
        require(x->text == NULL || memcmp(x->text, y->text, x->len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] >= size || size > FIELD_TEXT_MAX) {
        return 0;
    }
    const uint8_t *sizes = data + 1, *text = data + 1 + data[0];
    size_t len = size - 1 - data[0];
    struct pointer_set *set = make_set();
    struct outcome whole, cut;
    parse(set, NULL, 0, text, len, &whole);
    parse(set, sizes, data[0], text, len, &cut);
    check_outcome(&whole);
    check_outcome(&cut);
    check_same(&whole, &cut);
    if (whole.code == 0) {
        struct error e;
        error_clear(&e);
        require(ticket_check(&whole.ticket, set, &e) == e.code);
    }
    ticket_fini(&whole.ticket);
    ticket_fini(&cut.ticket);
    pointer_set_free(set);
    return 0;
}
