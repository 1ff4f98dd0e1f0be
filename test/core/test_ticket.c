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

#include "../scarce.h"

#define DETAILS(inside) "{\"JobSpecification\":{\"JobDetails\":{" inside "}}}"

static const struct ticket_limits wide = {.max_bytes = INT64_MAX, .max_depth = 1000};

struct read {
    struct pointer_set *set;
    struct ticket ticket;
    struct error error;
    int code;
};

static void read_begin(struct read *r)
{
    r->set = pointer_set_new();
    assert_non_null(r->set);
    ticket_init(&r->ticket);
    error_clear(&r->error);
    r->code = 0;
}

static void read_end(struct read *r)
{
    ticket_fini(&r->ticket);
    pointer_set_free(r->set);
}

static size_t want(struct read *r, const char *pointer)
{
    size_t index;
    assert_int_equal(pointer_set_add(r->set, pointer, &index, NULL), 0);
    return index;
}

static void read_bytes(struct read *r, struct ticket_limits limits, const char *text, size_t len, size_t chunk)
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

static void read_text(struct read *r, const char *text)
{
    read_bytes(r, wide, text, strlen(text), strlen(text) + 1);
}

static void assert_field(const struct read *r, size_t index, enum field_kind kind, const char *text)
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

static void assert_refused(const char *text, int code, const char *words)
{
    struct read r;
    read_begin(&r);
    read_text(&r, text);
    assert_int_equal(r.code, code);
    assert_string_equal(r.error.text, words);
    read_end(&r);
}

static void the_fields_of_a_ticket_are_found(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    read_text(&r,
              "{\"Id\":1,\"JobSpecification\":{\"x\":[{\"ClientCode\":\"no\"}],\"JobDetails\":{\"ClientCode\":\"RANK\","
              "\"More\":{\"Title\":\"no\"},"
              "\"JobCategory\":\"CELTRA\",\"Title\":\"Fr\\u00fchling \\ud83d\\ude00\"}},\"ClientCode\":\"no\"}");
    assert_field(&r, FIELD_CLIENT, FIELD_STRING, "RANK");
    assert_field(&r, FIELD_CATEGORY, FIELD_STRING, "CELTRA");
    assert_field(&r, FIELD_TITLE, FIELD_STRING, "Frühling 😀");
    assert_field(&r, FIELD_STUDIO, FIELD_ABSENT, NULL);
    assert_int_equal(ticket_check(&r.ticket, r.set, &r.error), 0);
    read_end(&r);
}

static void values_of_every_kind_are_told_apart(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    size_t big = want(&r, "/n/0"), huge = want(&r, "/n/1"), yes = want(&r, "/t"), no = want(&r, "/f"),
           null = want(&r, "/z");
    size_t object = want(&r, "/o"), array = want(&r, "/n"), nul = want(&r, "/s"), absent = want(&r, "/o/p");
    read_text(&r,
              "{\"n\":[12345678901234567890,-1E+400],\"t\":true,\"f\":false,\"z\":null,\"o\":{},\"s\":\"a\\u0000b\"}");
    assert_field(&r, big, FIELD_NUMBER, "12345678901234567890");
    assert_field(&r, huge, FIELD_NUMBER, "-1E+400");
    assert_field(&r, yes, FIELD_BOOL, "true");
    assert_field(&r, no, FIELD_BOOL, "false");
    assert_field(&r, null, FIELD_NULL, "null");
    assert_field(&r, object, FIELD_OBJECT, NULL);
    assert_field(&r, array, FIELD_ARRAY, NULL);
    assert_field(&r, absent, FIELD_ABSENT, NULL);
    assert_int_equal(r.ticket.fields[nul].len, 3);
    assert_memory_equal(r.ticket.fields[nul].text, "a\0b", 4);
    read_end(&r);
}

static void pointers_are_followed_as_rfc_6901_says(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    size_t slash = want(&r, "/a~1b"), tilde = want(&r, "/m~0n"), empty = want(&r, "/"), third = want(&r, "/list/2/x"),
           key = want(&r, "/map/2");
    size_t zeros = want(&r, "/list/02"), dash = want(&r, "/list/-"), both = want(&r, "/~01"),
           inner = want(&r, "/grid/1/0");
    read_text(&r, "{\"a/b\":\"slash\",\"m~n\":\"tilde\",\"\":\"empty\",\"list\":[0,{\"x\":1},{\"x\":2},{\"x\":3}],"
                  "\"map\":{\"2\":\"two\"},\"~1\":\"both\","
                  "\"grid\":[[\"00\"],[\"10\",\"11\"]]}");
    assert_field(&r, slash, FIELD_STRING, "slash");
    assert_field(&r, tilde, FIELD_STRING, "tilde");
    assert_field(&r, empty, FIELD_STRING, "empty");
    assert_field(&r, third, FIELD_NUMBER, "2");
    assert_field(&r, key, FIELD_STRING, "two");
    assert_field(&r, zeros, FIELD_ABSENT, NULL);
    assert_field(&r, dash, FIELD_ABSENT, NULL);
    assert_field(&r, both, FIELD_STRING, "both");
    assert_field(&r, inner, FIELD_STRING, "10");
    read_end(&r);
}

static void a_document_that_is_one_value_has_no_fields(void **state)
{
    (void)state;
    static const char *const documents[] = {"42", "\"x\"", "true", "null", "-1.5e3", " 7 "};
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        struct read r;
        read_begin(&r);
        size_t root = want(&r, "");
        read_text(&r, documents[i]);
        assert_int_equal(r.code, 0);
        assert_int_not_equal(r.ticket.fields[root].kind, FIELD_ABSENT);
        assert_field(&r, FIELD_CLIENT, FIELD_ABSENT, NULL);
        assert_int_equal(ticket_check(&r.ticket, r.set, &r.error), ERR_MISSING_FIELD);
        read_end(&r);
    }
}

static void of_duplicate_keys_the_last_wins_whole(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    read_text(&r, DETAILS("\"ClientCode\":\"A\",\"ClientCode\":\"B\",\"Title\":\"T\",\"Title\":[1]"));
    assert_field(&r, FIELD_CLIENT, FIELD_STRING, "B");
    assert_field(&r, FIELD_TITLE, FIELD_ARRAY, NULL);
    read_end(&r);

    read_begin(&r);
    read_text(&r, "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"A\",\"Title\":\"old\"}},"
                  "\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"B\"}}}");
    assert_field(&r, FIELD_CLIENT, FIELD_STRING, "B");
    assert_field(&r, FIELD_TITLE, FIELD_ABSENT, NULL);
    read_end(&r);

    read_begin(&r);
    read_text(&r, "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"A\"},\"JobDetails\":5}}");
    assert_field(&r, FIELD_CLIENT, FIELD_ABSENT, NULL);
    read_end(&r);
}

static void keys_are_compared_decoded(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    read_text(&r, "{\"Job\\u0053pecification\":{\"JobDetails\":{\"\\u0043lientCode\":\"RANK\"}}}");
    assert_field(&r, FIELD_CLIENT, FIELD_STRING, "RANK");
    read_end(&r);
}

static void errors_name_line_and_column_in_characters(void **state)
{
    (void)state;
    assert_refused("{\n  \"a\": 1,\n  \"b\": tru\n}", ERR_SYNTAX,
                   "invalid JSON at line 3, column 11: invalid string in json text");
    assert_refused("{\"äöü\": €}", ERR_SYNTAX, "invalid JSON at line 1, column 9: invalid char in json text");
    assert_refused("{\r\n\"a\":\r\n[1 2]}", ERR_SYNTAX,
                   "invalid JSON at line 3, column 4: after array element, I expect ',' or ']'");
    assert_refused("[1]\n\n garbage", ERR_SYNTAX, "invalid JSON at line 3, column 2: trailing garbage");
    assert_refused("\xef\xbb\xbf[,]", ERR_SYNTAX,
                   "invalid JSON at line 1, column 2: unallowed token at this point in JSON text");
    assert_refused("{\"a\":\n  \"b", ERR_INCOMPLETE, "the document ends too early, at line 2, column 5");
    assert_refused("", ERR_INCOMPLETE, "the file is empty");
    assert_refused(" \n", ERR_INCOMPLETE, "the document ends too early, at line 2, column 1");
}

static void places_are_right_however_far_in_the_text(void **state)
{
    (void)state;
    struct str text = STR_INIT;
    str_puts(&text, "[\n");
    for (int i = 0; i < 5000; i++) {
        str_puts(&text, "  \"zeile mit ümläuten €\",\n");
    }
    str_puts(&text, "\"ü\" ü]");
    for (size_t chunk = 1; chunk < 70000; chunk = chunk * 3 + 1) {
        struct read r;
        read_begin(&r);
        read_bytes(&r, wide, text.bytes, text.len, chunk);
        assert_string_equal(r.error.text, "invalid JSON at line 5002, column 5: invalid char in json text");
        read_end(&r);
    }
    str_fini(&text);
}

static void utf16_and_empty_disk_blocks_are_named(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    read_bytes(&r, wide, "\xff\xfe{\0}\0", 6, 6);
    assert_int_equal(r.code, ERR_SYNTAX);
    assert_non_null(strstr(r.error.text, "UTF-16"));
    read_end(&r);
    read_begin(&r);
    read_bytes(&r, wide, "\0\0\0\0\0\0\0\0", 8, 1);
    assert_int_equal(r.code, ERR_SYNTAX);
    assert_non_null(strstr(r.error.text, "NUL bytes"));
    read_end(&r);
}

static void half_a_surrogate_pair_reads_as_the_replacement_character(void **state)
{
    (void)state;
    static const struct {
        const char *written, *read;
    } cases[] = {
        {"x\\ud800", "x\uFFFD"},
        {"\\udc00y", "\uFFFDy"},
        {"\\ud83dabc", "\uFFFDabc"},
        {"\\ud83d\\n", "\uFFFD\n"},
        {"\\uD83D\\u0041", "\uFFFDA"},
        {"\\ud83d\\ud83d\\ude00", "\uFFFD😀"},
        {"\\ude00\\ud83d", "\uFFFD\uFFFD"},
        {"\\ud800\\\\uZZZZ", "\uFFFD\\uZZZZ"},
        {"\\ud800\\\"q", "\uFFFD\"q"},
        {"\\\\ud800", "\\ud800"},
        {"\\ud83d\\ude00", "😀"},
        {"\\ud800\\\\q", "\uFFFD\\q"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        int len = snprintf(text, sizeof text, DETAILS("\"Title\":\"%s\""), cases[i].written);
        for (size_t chunk = 1; chunk <= (size_t)len; chunk++) {
            struct read r;
            read_begin(&r);
            read_bytes(&r, wide, text, (size_t)len, chunk);
            assert_field(&r, FIELD_TITLE, FIELD_STRING, cases[i].read);
            read_end(&r);
        }
    }
}

static void a_field_that_is_not_strict_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const words = "JobSpecification.JobDetails.Title is not valid UTF-8, at line 1, column 44";
    assert_refused(DETAILS("\"Title\":\"\xc0\xaf\""), ERR_BAD_FIELD, words);
    assert_refused(DETAILS("\"Title\":\"\xed\xa0\x80\""), ERR_BAD_FIELD, words);
    assert_refused(DETAILS("\"Title\":\"\xf4\x90\x80\x80\""), ERR_BAD_FIELD, words);
}

static void depth_and_size_have_limits(void **state)
{
    (void)state;
    struct read r;
    read_begin(&r);
    read_bytes(&r, (struct ticket_limits){.max_bytes = 100, .max_depth = 3}, "[{\"a\":[1]}]", 11, 11);
    assert_int_equal(r.code, 0);
    read_end(&r);
    read_begin(&r);
    read_bytes(&r, (struct ticket_limits){.max_bytes = 100, .max_depth = 3}, "[{\"a\":[[]]}]", 12, 5);
    assert_int_equal(r.code, ERR_TOO_DEEP);
    assert_string_equal(r.error.text, "nested deeper than 3 levels, at line 1, column 8");
    read_end(&r);
    read_begin(&r);
    read_bytes(&r, (struct ticket_limits){.max_bytes = 11, .max_depth = 3}, "[{\"a\":[1]}]", 11, 4);
    assert_int_equal(r.code, 0);
    read_end(&r);
    read_begin(&r);
    read_bytes(&r, (struct ticket_limits){.max_bytes = 10, .max_depth = 3}, "[{\"a\":[1]}]", 11, 4);
    assert_int_equal(r.code, ERR_TOO_LARGE);
    read_end(&r);
}

/* {"JobSpecification":{"JobDetails":{<before>"<count times unit>"<after>}}} in chunks of 4 KiB */
static void read_long(struct read *r, const char *before, const char *unit, size_t count, const char *after,
                      size_t chunk)
{
    struct str text = STR_INIT;
    str_printf(&text, "{\"JobSpecification\":{\"JobDetails\":{%s\"", before);
    for (size_t i = 0; i < count; i++) {
        str_puts(&text, unit);
    }
    str_printf(&text, "\"%s}}}", after);
    assert_false(str_failed(&text));
    read_bytes(r, wide, text.bytes, text.len, chunk);
    str_fini(&text);
}

static void a_field_may_be_so_long_and_no_longer(void **state)
{
    (void)state;
    for (size_t chunk = 4096; chunk < 1 << 20; chunk *= 16) {
        struct read r;
        read_begin(&r);
        read_long(&r, "\"Title\":", "\\u0041", FIELD_TEXT_MAX, "", chunk);
        assert_int_equal(r.code, 0);
        assert_int_equal(r.ticket.fields[FIELD_TITLE].len, FIELD_TEXT_MAX);
        read_end(&r);
        read_begin(&r);
        read_long(&r, "\"JobCategory\":", "\\u0041", FIELD_TEXT_MAX + 1, "", chunk);
        assert_int_equal(r.code, ERR_BAD_FIELD);
        assert_string_equal(r.error.text,
                            "JobSpecification.JobDetails.JobCategory is longer than 65536 bytes, at line 1, column 50");
        read_end(&r);
    }
}

/* They decide nothing: a ticket does not fail for them. */
static void a_title_of_any_length_is_cut_at_a_character(void **state)
{
    (void)state;
    static const char *const units[] = {"QUJD", "\\n\\u20ac", "ü€😀", "\\u0041"};
    static const size_t counts[] = {FIELD_TEXT_MAX + 1, 300000};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        for (size_t k = 0; k < 2; k++) {
            for (size_t chunk = 4093; chunk < 1 << 20; chunk *= 17) {
                struct read r;
                read_begin(&r);
                read_long(&r, "\"Title\":", units[i], counts[k], ",\"ClientCode\":\"RANK\"", chunk);
                assert_field(&r, FIELD_CLIENT, FIELD_STRING, "RANK");
                const struct field *title = &r.ticket.fields[FIELD_TITLE];
                assert_int_equal(title->kind, FIELD_STRING);
                assert_in_range(title->len, 1, FIELD_TEXT_MAX);
                assert_true(utf8_valid(title->text, title->len));
                read_end(&r);
            }
        }
    }
}

static void long_strings_and_keys_beside_the_fields_pass(void **state)
{
    (void)state;
    static const char *const units[] = {"QUJD", "\\n\\u20ac", "ü€😀", "\\ud83d\\ude00\\ud800"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        for (size_t chunk = 4093; chunk < 1 << 20; chunk *= 17) {
            struct read r;
            read_begin(&r);
            read_long(&r, "\"Pdf\":", units[i], 60000, ",\"ClientCode\":\"RANK\"", chunk);
            assert_field(&r, FIELD_CLIENT, FIELD_STRING, "RANK");
            read_end(&r);
            read_begin(&r);
            read_long(&r, "", units[i], 60000, ":1,\"ClientCode\":\"RANK\"", chunk);
            assert_field(&r, FIELD_CLIENT, FIELD_STRING, "RANK");
            read_end(&r);
        }
    }
}

static void a_fault_deep_inside_a_long_string_is_found(void **state)
{
    (void)state;
    for (size_t chunk = 1000; chunk < 40000; chunk += 1777) {
        struct str text = STR_INIT;
        str_puts(&text, "[\"");
        for (int i = 0; i < 5000; i++) {
            str_puts(&text, "ü€\\n");
        }
        str_puts(&text, "\xff\"]");
        struct read r;
        read_begin(&r);
        read_bytes(&r, wide, text.bytes, text.len, chunk);
        assert_string_equal(r.error.text, "invalid JSON at line 1, column 20003: invalid bytes in UTF8 string");
        read_end(&r);
        str_fini(&text);
    }
}

static void a_number_without_end_is_refused(void **state)
{
    (void)state;
    char digits[70000];
    memset(digits, '7', sizeof digits);
    for (size_t chunk = 5000; chunk <= 80000; chunk += 75000) {
        struct read r;
        read_begin(&r);
        read_bytes(&r, wide, digits, sizeof digits, chunk);
        assert_int_equal(r.code, ERR_TOO_LARGE);
        assert_string_equal(r.error.text, "a number of more than 65536 bytes, at line 1, column 1");
        read_end(&r);
    }
}

static size_t allocated, allocated_most;

static void *counting_alloc(size_t size)
{
    size_t *block = test_malloc(size + 16);
    *block = size;
    allocated += size;
    allocated_most = allocated > allocated_most ? allocated : allocated_most;
    return (char *)block + 16;
}

static void counting_free(void *p)
{
    if (p != NULL) {
        size_t *block = (size_t *)(void *)((char *)p - 16);
        allocated -= *block;
        test_free(block);
    }
}

static void *counting_resize(void *p, size_t size)
{
    void *fresh = counting_alloc(size);
    if (p != NULL) {
        size_t old = *(size_t *)(void *)((char *)p - 16);
        memcpy(fresh, p, old < size ? old : size);
        counting_free(p);
    }
    return fresh;
}

static void a_huge_ticket_is_read_in_constant_memory(void **state)
{
    (void)state;
    static char block[64 * 1024];
    memset(block, 'A', sizeof block);
    mem_set(&(struct mem_functions){.alloc = counting_alloc, .resize = counting_resize, .free = counting_free});
    allocated = allocated_most = 0;
    struct pointer_set *set = pointer_set_new();
    struct ticket_parser *p = ticket_parser_new(set, wide);
    static const char head[] = "{\"JobSpecification\":{\"JobDetails\":{\"Pdf\":\"",
                      tail[] = "\",\"ClientCode\":\"RANK\"}}}";
    int rc = ticket_parser_feed(p, head, sizeof head - 1, NULL);
    for (int i = 0; i < 1000 && rc == 0; i++) {
        rc = ticket_parser_feed(p, block, sizeof block, NULL);
    }
    struct ticket ticket;
    ticket_init(&ticket);
    rc = rc != 0 ? rc : ticket_parser_feed(p, tail, sizeof tail - 1, NULL);
    rc = rc != 0 ? rc : ticket_parser_finish(p, &ticket, NULL);
    bool found = rc == 0 && strcmp(ticket.fields[FIELD_CLIENT].text, "RANK") == 0;
    ticket_fini(&ticket);
    ticket_parser_free(p);
    pointer_set_free(set);
    mem_set(NULL);
    assert_true(found);
    assert_true(allocated_most < 1024 * 1024);
    assert_int_equal(allocated, 0);
}

/* Good ones, bad ones and beginnings, in pieces, so that yajl's own memory is failed too. */
static void whichever_allocation_fails_it_is_told_and_no_ticket_is_judged_by_it(void **state)
{
    (void)state;
    static char growing[6000];
    char many[5000] = "";
    memset(many, 'x', sizeof many - 1);
    snprintf(growing, sizeof growing, DETAILS("\"ClientCode\":\"RANK\",\"Title\":\"\\n%s\""), many);
    static const struct {
        const char *text;
        int code;
    } documents[] = {
        {growing, 0}, /* a field longer than yajl's first buffer */
        {DETAILS("\"ClientCode\":\"RANK\",\"Title\":\"a \\u0041 long title\",\"Extra\":[1,{\"x\":[true,null,1.5]}]"),
         0},
        {DETAILS("\"ClientCode\":\"RANK\" \"x\""), ERR_SYNTAX},
        {"{\"JobSpecification\":{\"JobDetails\":", ERR_INCOMPLETE},
        {DETAILS("\"ClientCode\":\"\x01\""), ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        size_t piece = strlen(documents[i].text) > 1000 ? 1000 : 7;
        SCARCE_SWEEP (n) {
            struct error e = {0};
            struct ticket ticket;
            size_t index, len = strlen(documents[i].text);
            ticket_init(&ticket);
            scarce_begin(n, 1);
            struct pointer_set *set = pointer_set_new();
            int rc = set ? pointer_set_add(set, "/JobSpecification/JobDetails/Extra/1/x", &index, &e) : ERR_NOMEM;
            struct ticket_parser *p = rc == 0 ? ticket_parser_new(set, wide) : NULL;
            if (rc == 0 && !p)
                rc = ERR_NOMEM;
            for (size_t at = 0; at < len && rc == 0; at += piece)
                rc = ticket_parser_feed(p, documents[i].text + at, len - at < piece ? len - at : piece, &e);
            if (rc == 0)
                rc = ticket_parser_finish(p, &ticket, &e);
            bool hit = scarce_end();
            assert_int_equal(rc, hit ? ERR_NOMEM : documents[i].code);
            assert_true(rc == 0 || ticket.count == 0);
            if (rc == 0)
                assert_string_equal(ticket.fields[FIELD_CLIENT].text, "RANK");
            ticket_parser_free(p);
            ticket_fini(&ticket);
            pointer_set_free(set);
        }
    }
}

static void bad_pointers_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {"a/b", "/a~", "/a~2b", "/\xff"};
    struct pointer_set *set = pointer_set_new();
    size_t index;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error e;
        error_clear(&e);
        assert_int_equal(pointer_set_add(set, bad[i], &index, &e), ERR_CONFIG);
        assert_true(strlen(e.text) > 0);
    }
    char deep[2 * (POINTER_DEPTH_MAX + 1) + 1];
    for (size_t i = 0; i < sizeof deep - 1; i++) {
        deep[i] = i % 2 == 0 ? '/' : 'a';
    }
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(pointer_set_add(set, deep, &index, NULL), ERR_CONFIG);
    assert_int_equal(pointer_set_add(set, deep + 2, &index, NULL), 0);
    char text[POINTER_TEXT_MAX + 2];
    memset(text, 'x', sizeof text);
    text[0] = '/';
    text[sizeof text - 1] = '\0';
    assert_int_equal(pointer_set_add(set, text, &index, NULL), ERR_CONFIG);
    text[sizeof text - 2] = '\0';
    assert_int_equal(pointer_set_add(set, text, &index, NULL), 0);
    pointer_set_free(set);
}

static void a_set_knows_its_pointers_and_has_a_limit(void **state)
{
    (void)state;
    struct pointer_set *set = pointer_set_new();
    size_t index;
    assert_int_equal(pointer_set_count(set), FIELD_BUILTIN_COUNT);
    assert_string_equal(pointer_set_label(set, FIELD_CLIENT), "JobSpecification.JobDetails.ClientCode");
    assert_int_equal(pointer_set_add(set, "/JobSpecification/JobDetails/Title", &index, NULL), 0);
    assert_int_equal(index, FIELD_TITLE);
    for (size_t i = FIELD_BUILTIN_COUNT; i < POINTERS_MAX; i++) {
        char pointer[16];
        (void)snprintf(pointer, sizeof pointer, "/f%zu/0", i);
        assert_int_equal(pointer_set_add(set, pointer, &index, NULL), 0);
        assert_int_equal(index, i);
    }
    struct error e;
    error_clear(&e);
    assert_int_equal(pointer_set_add(set, "/one/more", &index, &e), ERR_CONFIG);
    assert_int_equal(pointer_set_add(set, "/f9/0", &index, NULL), 0);
    assert_int_equal(index, 9);
    assert_int_equal(pointer_set_count(set), POINTERS_MAX);
    struct read r = {.set = set};
    read_text(&r, "{\"f63\":[\"last\"],\"f4\":[\"first\"]}");
    assert_field(&r, 63, FIELD_STRING, "last");
    assert_field(&r, 4, FIELD_STRING, "first");
    read_end(&r);
}

static void assert_check(const char *text, int code, const char *words)
{
    struct read r;
    read_begin(&r);
    read_text(&r, text);
    assert_int_equal(r.code, 0);
    assert_int_equal(ticket_check(&r.ticket, r.set, &r.error), code);
    assert_string_equal(r.error.text, words);
    read_end(&r);
}

static void what_a_ticket_must_have_is_checked_in_words(void **state)
{
    (void)state;
#define P "JobSpecification.JobDetails."
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\""), 0, "");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\",\"Title\":null,\"StudioCode\":\"\""), 0, "");
    assert_check(DETAILS("\"JobCategory\":\"B\""), ERR_MISSING_FIELD, P "ClientCode is missing");
    assert_check(DETAILS("\"ClientCode\":\"A\""), ERR_MISSING_FIELD, P "JobCategory is missing");
    assert_check(DETAILS("\"ClientCode\":\"\",\"JobCategory\":\"B\""), ERR_MISSING_FIELD, P "ClientCode is empty");
    assert_check(DETAILS("\"ClientCode\":7,\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode is a number, not a string");
    assert_check(DETAILS("\"ClientCode\":null,\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode is null, not a string");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":[]"), ERR_BAD_FIELD,
                 P "JobCategory is an array, not a string");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\",\"Title\":{}"), ERR_BAD_FIELD,
                 P "Title is an object, not a string");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\",\"StudioCode\":true"), ERR_BAD_FIELD,
                 P "StudioCode is a boolean, not a string");
    assert_check(DETAILS("\"ClientCode\":\"A\\u0000\",\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode holds a control character");
    assert_check(DETAILS("\"ClientCode\":\"A\",\"JobCategory\":\"B\\n\""), ERR_BAD_FIELD,
                 P "JobCategory holds a control character");
    assert_check(DETAILS("\"ClientCode\":\"../A\",\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode cannot be a folder's name: the name starts with a dot");
    assert_check(DETAILS("\"ClientCode\":\"A/B\",\"JobCategory\":\"B\""), ERR_BAD_FIELD,
                 P "ClientCode cannot be a folder's name: the name holds a \"/\"");
#undef P
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_of_a_ticket_are_found),
        cmocka_unit_test(values_of_every_kind_are_told_apart),
        cmocka_unit_test(pointers_are_followed_as_rfc_6901_says),
        cmocka_unit_test(a_document_that_is_one_value_has_no_fields),
        cmocka_unit_test(of_duplicate_keys_the_last_wins_whole),
        cmocka_unit_test(keys_are_compared_decoded),
        cmocka_unit_test(errors_name_line_and_column_in_characters),
        cmocka_unit_test(places_are_right_however_far_in_the_text),
        cmocka_unit_test(utf16_and_empty_disk_blocks_are_named),
        cmocka_unit_test(half_a_surrogate_pair_reads_as_the_replacement_character),
        cmocka_unit_test(a_field_that_is_not_strict_utf8_is_refused),
        cmocka_unit_test(depth_and_size_have_limits),
        cmocka_unit_test(a_field_may_be_so_long_and_no_longer),
        cmocka_unit_test(a_title_of_any_length_is_cut_at_a_character),
        cmocka_unit_test(long_strings_and_keys_beside_the_fields_pass),
        cmocka_unit_test(a_fault_deep_inside_a_long_string_is_found),
        cmocka_unit_test(a_number_without_end_is_refused),
        cmocka_unit_test(a_huge_ticket_is_read_in_constant_memory),
        cmocka_unit_test(whichever_allocation_fails_it_is_told_and_no_ticket_is_judged_by_it),
        cmocka_unit_test(bad_pointers_are_refused_with_the_reason),
        cmocka_unit_test(a_set_knows_its_pointers_and_has_a_limit),
        cmocka_unit_test(what_a_ticket_must_have_is_checked_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
