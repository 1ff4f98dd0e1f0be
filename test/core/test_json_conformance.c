/* Runs over test/data/json: y_ must be read, n_ must be refused as broken, n_cut_ is the beginning of a document, i_
 * is where RFC 8259 leaves the choice, and its name says which we made. However a document is cut into chunks, the
 * outcome and its words stay the same. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/core/ticket.h"

#ifndef SHUNT_TEST_DATA
#define SHUNT_TEST_DATA "test/data"
#endif
#define CASES_MIN 150
#define CASE_MAX  4096

static const char folder[] = SHUNT_TEST_DATA "/json";

struct outcome {
    int code;
    struct error error;
    struct ticket ticket;
};

/* Two sets: the one that tickets are read with, and one with fields in most of the cases. */
static struct pointer_set *set_plain, *set_busy;

static int set_up(void **state)
{
    (void)state;
    static const char *const pointers[] = {"", "/a", "/0", "/a/0", "/0/0", "/a/a", "/a/b", "/1", "/b"};
    set_plain = pointer_set_new();
    set_busy = pointer_set_new();
    size_t index;
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        assert_int_equal(pointer_set_add(set_busy, pointers[i], &index, NULL), 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pointer_set_free(set_plain);
    pointer_set_free(set_busy);
    return 0;
}

/* In chunks: first bytes, then step by step. */
static struct outcome parse(const struct pointer_set *set, const char *text, size_t len, size_t first, size_t step)
{
    struct outcome out;
    error_clear(&out.error);
    ticket_init(&out.ticket);
    struct ticket_parser *p = ticket_parser_new(set, (struct ticket_limits){.max_bytes = 1 << 20, .max_depth = 100});
    assert_non_null(p);
    out.code = 0;
    for (size_t at = 0, n = first; at < len && out.code == 0; at += n, n = step) {
        n = n < len - at ? n : len - at;
        char *chunk = malloc(n > 0 ? n : 1); /* of its own, so that a sanitizer sees every byte read beyond it */
        assert_non_null(chunk);
        memcpy(chunk, text + at, n);
        out.code = ticket_parser_feed(p, chunk, n, &out.error);
        free(chunk);
    }
    if (out.code == 0) {
        out.code = ticket_parser_finish(p, &out.ticket, &out.error);
    }
    ticket_parser_free(p);
    return out;
}

static void assert_same(const char *name, const struct outcome *a, const struct outcome *b, size_t first, size_t step)
{
    if (a->code != b->code || strcmp(a->error.text, b->error.text) != 0 || a->ticket.count != b->ticket.count) {
        fail_msg("%s in chunks of %zu, then %zu: %d \"%s\", whole: %d \"%s\"", name, first, step, b->code,
                 b->error.text, a->code, a->error.text);
    }
    for (size_t i = 0; i < a->ticket.count; i++) {
        const struct field *x = &a->ticket.fields[i], *y = &b->ticket.fields[i];
        if (x->kind != y->kind || x->len != y->len || (x->text == NULL) != (y->text == NULL) ||
            (x->text != NULL && memcmp(x->text, y->text, x->len + 1) != 0)) {
            fail_msg("%s in chunks of %zu, then %zu: field %zu differs", name, first, step, i);
        }
    }
}

typedef void (*case_function)(const char *name, const char *text, size_t len);

static size_t each_case(const char *prefix, case_function function)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        fail_msg("no folder %s", folder);
    }
    size_t count = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        char path[1024], text[CASE_MAX];
        assert_true(snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t len = fread(text, 1, sizeof text, file);
        fclose(file);
        assert_true(len < sizeof text);
        function(entry->d_name, text, len);
        count++;
    }
    closedir(dir);
    return count;
}

static void expect(const char *name, const char *text, size_t len, int code)
{
    struct outcome out = parse(set_plain, text, len, len, len);
    if (out.code != code) {
        fail_msg("%s: %d \"%s\", expected %d", name, out.code, out.error.text, code);
    }
    ticket_fini(&out.ticket);
}

static void expect_read(const char *name, const char *text, size_t len)
{
    expect(name, text, len, 0);
}

static void expect_by_name(const char *name, const char *text, size_t len)
{
    bool cut = strncmp(name, "n_cut_", 6) == 0;
    expect(name, text, len, cut ? ERR_INCOMPLETE : ERR_SYNTAX);
}

static void expect_choice(const char *name, const char *text, size_t len)
{
    struct outcome out = parse(set_plain, text, len, len, len);
    bool accepted = strncmp(name, "i_accept_", 9) == 0;
    if (!accepted && strncmp(name, "i_refuse_", 9) != 0) {
        fail_msg("%s: its name does not say what is right", name);
    }
    if (accepted != (out.code == 0) || out.code == ERR_INCOMPLETE) {
        fail_msg("%s: %d \"%s\"", name, out.code, out.error.text);
    }
    ticket_fini(&out.ticket);
}

static void expect_same_however_cut(const char *name, const char *text, size_t len)
{
    const struct pointer_set *sets[] = {set_plain, set_busy};
    for (size_t s = 0; s < 2; s++) {
        struct outcome whole = parse(sets[s], text, len, len, len);
        for (size_t first = 0; first <= len; first++) {
            struct outcome two = parse(sets[s], text, len, first, len);
            assert_same(name, &whole, &two, first, len);
            ticket_fini(&two.ticket);
        }
        for (size_t step = 1; step <= 17; step++) {
            struct outcome many = parse(sets[s], text, len, step, step);
            assert_same(name, &whole, &many, step, step);
            ticket_fini(&many.ticket);
        }
        ticket_fini(&whole.ticket);
    }
}

static void expect_no_beginning_broken(const char *name, const char *text, size_t len)
{
    for (size_t cut = 0; cut < len; cut++) {
        struct outcome out = parse(set_plain, text, cut, cut, 1);
        if (out.code != 0 && out.code != ERR_INCOMPLETE) {
            fail_msg("%s cut at %zu: %d \"%s\"", name, cut, out.code, out.error.text);
        }
        ticket_fini(&out.ticket);
    }
}

static void valid_documents_are_read(void **state)
{
    (void)state;
    assert_true(each_case("y_", expect_read) > 0);
}

static void broken_documents_are_refused_and_cut_ones_are_incomplete(void **state)
{
    (void)state;
    assert_true(each_case("n_", expect_by_name) > 0);
}

static void where_the_standard_leaves_it_open_the_choice_stands(void **state)
{
    (void)state;
    assert_true(each_case("i_", expect_choice) > 0);
}

static void chunks_change_neither_outcome_nor_words_nor_fields(void **state)
{
    (void)state;
    assert_true(each_case("", expect_same_however_cut) >= CASES_MIN);
}

static void the_beginning_of_a_valid_document_is_never_called_broken(void **state)
{
    (void)state;
    assert_true(each_case("y_", expect_no_beginning_broken) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_documents_are_read),
        cmocka_unit_test(broken_documents_are_refused_and_cut_ones_are_incomplete),
        cmocka_unit_test(where_the_standard_leaves_it_open_the_choice_stands),
        cmocka_unit_test(chunks_change_neither_outcome_nor_words_nor_fields),
        cmocka_unit_test(the_beginning_of_a_valid_document_is_never_called_broken),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
