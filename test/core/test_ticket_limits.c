/* test_ticket_limits.c: depth, length and memory: what is limited, what is not, and that it stays small. */
#include "../counted.h"
#include "../scarce.h"
#include "ticket_read.h"

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

static void a_huge_ticket_is_read_in_constant_memory(void **state)
{
    (void)state;
    static char block[64 * 1024];
    memset(block, 'A', sizeof block);
    mem_set(&counted);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depth_and_size_have_limits),
        cmocka_unit_test(a_field_may_be_so_long_and_no_longer),
        cmocka_unit_test(a_title_of_any_length_is_cut_at_a_character),
        cmocka_unit_test(long_strings_and_keys_beside_the_fields_pass),
        cmocka_unit_test(a_fault_deep_inside_a_long_string_is_found),
        cmocka_unit_test(a_number_without_end_is_refused),
        cmocka_unit_test(a_huge_ticket_is_read_in_constant_memory),
        cmocka_unit_test(whichever_allocation_fails_it_is_told_and_no_ticket_is_judged_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
