#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "../scarce.h"

static void a_string_grows_and_keeps_nuls(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    assert_string_equal(s.bytes, "");
    for (int i = 0; i < 1000; i++) {
        str_printf(&s, "%03d", i);
    }
    str_add(&s, "a\0b", 3);
    str_putc(&s, 'c');
    assert_int_equal(s.len, 3004);
    assert_memory_equal(s.bytes + 2997, "999a\0bc", 8);
    str_clear(&s);
    assert_string_equal(s.bytes, "");
    str_fini(&s);
    str_fini(&s);
}

static void a_taken_string_is_the_callers(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    char *empty = str_take(&s);
    assert_string_equal(empty, "");
    str_puts(&s, "abc");
    char *text = str_take(&s);
    assert_string_equal(text, "abc");
    assert_int_equal(s.len, 0);
    mem_free(empty);
    mem_free(text);
}

static void out_of_memory_stays_and_harms_nothing(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    scarce_begin(2, 1);
    str_puts(&s, "abc");
    assert_false(str_failed(&s));
    char big[500] = {0};
    str_add(&s, big, sizeof big);
    assert_true(str_failed(&s));
    str_puts(&s, "d");
    str_json(&s, "e", 1);
    assert_true(scarce_end());
    assert_string_equal(s.bytes, "abc");
    assert_null(str_take(&s));
    assert_false(str_failed(&s));
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    scarce_begin(1, SCARCE_FOR_EVER);
    assert_null(mem_strdup("x"));
    assert_null(mem_zalloc(0));
    assert_null(mem_resize(NULL, 0));
    assert_true(scarce_end());
}

static void say(struct str *s)
{
    char many[200];
    memset(many, 'x', sizeof many);
    str_printf(s, "%s %d", "a text that is longer than the first piece of memory, which is small,", 5);
    str_json(s, "\x01\xff\"", 3);
    str_json(s, many, sizeof many);
    str_plain(s, many, sizeof many);
    str_plain(s, "\n\xff", 2);
    str_putc(s, '.');
}

static void whichever_allocation_fails_a_text_is_whole_or_failed(void **state)
{
    (void)state;
    struct str whole = STR_INIT;
    say(&whole);
    SCARCE_SWEEP (n) {
        struct str s = STR_INIT;
        scarce_begin(n, 1);
        say(&s);
        bool hit = scarce_end();
        assert_int_equal(str_failed(&s), hit);
        assert_int_equal(s.len == whole.len, !hit);
        assert_memory_equal(s.bytes, whole.bytes, s.len);
        str_fini(&s);
    }
    str_fini(&whole);
}

static void zeroed_and_copied_memory_is_what_it_says(void **state)
{
    (void)state;
    unsigned char *p = mem_zalloc(3);
    assert_memory_equal(p, "\0\0\0", 3);
    p = mem_resize(p, 100);
    assert_memory_equal(p, "\0\0\0", 3);
    char *copy = mem_strndup("a\0bc", 3);
    assert_memory_equal(copy, "a\0b", 4);
    void *nothing = mem_alloc(0);
    assert_non_null(nothing);
    mem_free(nothing);
    mem_free(copy);
    mem_free(p);
    mem_free(NULL);
}

static void check_escape(void (*escape)(struct str *, const char *, size_t), const char *in, size_t n, const char *out)
{
    struct str s = STR_INIT;
    escape(&s, in, n);
    assert_string_equal(s.bytes, out);
    str_fini(&s);
}
#define ESCAPES(fn, in, out) check_escape(fn, in, sizeof(in) - 1, out)

static void json_strings_are_escaped(void **state)
{
    (void)state;
    ESCAPES(str_json, "", "\"\"");
    ESCAPES(str_json, "plain %s \xC3\xA9 \xF0\x9F\x98\x80 /", "\"plain %s \xC3\xA9 \xF0\x9F\x98\x80 /\"");
    ESCAPES(str_json, "a\"b\\c", "\"a\\\"b\\\\c\"");
    ESCAPES(str_json, "\n\r\t\0\x1b\x7f", "\"\\n\\r\\t\\u0000\\u001b\\u007f\"");
    ESCAPES(str_json, "\xC2\x85", "\"\\u0085\"");
    ESCAPES(str_json, "a\xff\xc3", "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"");
    ESCAPES(str_json, "\xed\xa0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void any_bytes_make_a_json_string_that_a_parser_reads(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 2000; round++) {
        char bytes[40];
        size_t n = (size_t)rand() % sizeof bytes;
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (char)(rand() & 0xff);
        }
        struct str s = STR_INIT;
        str_json(&s, bytes, n);
        json_t *value = json_loadb(s.bytes, s.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_true(json_is_string(value));
        if (utf8_valid(bytes, n)) {
            assert_int_equal(json_string_length(value), n);
            assert_memory_equal(json_string_value(value), bytes, n);
        }
        json_decref(value);
        str_fini(&s);
    }
}

static void a_terminal_gets_no_control_characters(void **state)
{
    (void)state;
    ESCAPES(str_plain, "caf\xC3\xA9 %n \\ \"", "caf\xC3\xA9 %n \\ \"");
    ESCAPES(str_plain, "a\nb\tc\rd", "a\\nb\\tc\\rd");
    ESCAPES(str_plain, "\x1b[31m\x7f\0", "\\x1b[31m\\x7f\\x00");
    ESCAPES(str_plain, "\xC2\x85\xC2\x9B", "\\u0085\\u009b");
    ESCAPES(str_plain, "\xE2\x80\xA8", "\\u2028");
    ESCAPES(str_plain, "a\xE2\x80\xAEgnp\xE2\x80\x8B\xE2\x81\xA6\xEF\xBB\xBF\xD8\x9C",
            "a\\u202egnp\\u200b\\u2066\\ufeff\\u061c");
    ESCAPES(str_plain, "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB");
    ESCAPES(str_plain, "\xff\xC3", "\\xff\\xc3");
}

static void utf8_is_strict(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "abcdefghij",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       "abcdefgh\xC3\xA9"};
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC3",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xE2\x82",
                                      "\xF0\x9F\x98",
                                      "abcdefgh\xff",
                                      "abcdefghabcdefg\xff",
                                      "\xE2\x28\xA1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(utf8_valid(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    }
}

static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA9\xF0\x9F\x98\x80";
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 3, 7, 7};
    for (size_t max = 0; max < sizeof expected / sizeof *expected; max++) {
        assert_int_equal(utf8_cut(text, 7, max), expected[max]);
    }
    assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}

static void control_characters_are_seen(void **state)
{
    (void)state;
    assert_false(text_has_control("caf\xC3\xA9 \xC2\xA0", 8));
    assert_true(text_has_control("a\tb", 3));
    assert_true(text_has_control("a\0b", 3));
    assert_true(text_has_control("\x7f", 1));
    assert_true(text_has_control("\xC2\x80", 2));
    assert_true(text_has_control("\xC2\x9F", 2));
}

static void globs_match_the_whole_text(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"RANK", "RANK", true},
        {"RANK", "RANKS", false},
        {"RANK", "rank", false},
        {"*.json", "a.json", true},
        {"*.json", ".json", true},
        {"*.json", "a.jsonx", false},
        {"a*b*c", "a1b2c", true},
        {"a*b*c", "abcb", false},
        {"**a**", "xay", true},
        {"a*a", "a", false},
        {"?", "x", false},
        {"[ab]", "a", false},
        {"*ab", "aab", true},
        {"*aab*", "aaab", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(glob_match(cases[i].pattern, cases[i].text, strlen(cases[i].text)), cases[i].match);
    }
    assert_true(glob_match("a*b", "a\0b", 3));
}

static void a_spiteful_glob_ends_soon(void **state)
{
    (void)state;
    char text[20000];
    memset(text, 'a', sizeof text);
    assert_false(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text, sizeof text));
}

static void foreign_words_stay_one_word_of_a_command(void **state)
{
    (void)state;
    struct str out = STR_INIT;
    str_shell(&out, "/srv/shunt.ini");
    str_putc(&out, ' ');
    str_shell(&out, "$(rm -rf /); it's");
    str_putc(&out, ' ');
    str_shell(&out, "");
    assert_string_equal(out.bytes, "/srv/shunt.ini '$(rm -rf /); it'\\''s' ''");
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_grows_and_keeps_nuls),
        cmocka_unit_test(a_taken_string_is_the_callers),
        cmocka_unit_test(out_of_memory_stays_and_harms_nothing),
        cmocka_unit_test(without_memory_there_is_none),
        cmocka_unit_test(whichever_allocation_fails_a_text_is_whole_or_failed),
        cmocka_unit_test(zeroed_and_copied_memory_is_what_it_says),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(any_bytes_make_a_json_string_that_a_parser_reads),
        cmocka_unit_test(a_terminal_gets_no_control_characters),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(control_characters_are_seen),
        cmocka_unit_test(globs_match_the_whole_text),
        cmocka_unit_test(a_spiteful_glob_ends_soon),
        cmocka_unit_test(foreign_words_stay_one_word_of_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
