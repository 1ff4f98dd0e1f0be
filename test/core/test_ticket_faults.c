/* test_ticket_faults.c: what is refused, at which place, in which words. */
#include "ticket_read.h"

static void assert_refused(const char *text, int code, const char *words)
{
    struct read r;
    read_begin(&r);
    read_text(&r, text);
    assert_int_equal(r.code, code);
    assert_string_equal(r.error.text, words);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_line_and_column_in_characters),
        cmocka_unit_test(places_are_right_however_far_in_the_text),
        cmocka_unit_test(utf16_and_empty_disk_blocks_are_named),
        cmocka_unit_test(half_a_surrogate_pair_reads_as_the_replacement_character),
        cmocka_unit_test(a_field_that_is_not_strict_utf8_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
