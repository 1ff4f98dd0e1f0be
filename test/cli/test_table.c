/* test_table.c: tables, widths, colours, CSV, as they come out. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "shunt/cli/table.h"

#include "../scarce.h"

static const struct look paper = {.columns = 80, .rows = 24};
static const struct look screen = {.terminal = true, .columns = 20, .rows = 24};

static int know_widths(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static const struct column two[] = {{.head = "NAME", .most = 8}, {.head = "N", .right = true}};

/* rows: name, number ... NULL */
static void printed(const struct look *look, const struct column *columns, const char *const *cells,
                    const char *expected)
{
    struct table t;
    struct str out = STR_INIT;
    table_init(&t, columns, 2);
    for (; *cells; cells++)
        table_cell(&t, *cells, PAINT_NONE);
    table_print(&t, look, 0, &out);
    assert_string_equal(out.bytes, expected);
    table_fini(&t);
    str_fini(&out);
}
#define PRINTED(look, columns, expected, ...) printed(look, columns, (const char *const[]){__VA_ARGS__, NULL}, expected)

static void columns_align_by_what_is_seen(void **state)
{
    (void)state;
    PRINTED(&paper, two, "NAME     N\na        1\nabcdef  22\n", "a", "1", "abcdef", "22");
}

static void numbers_stand_to_the_right(void **state)
{
    (void)state;
    PRINTED(&paper, two, "NAME    N\na       1\n\xC3\xBC\xE6\x97\xA5    22\ne\xCC\x81     333\n", "a", "1",
            "\xC3\xBC\xE6\x97\xA5", "22", "e\xCC\x81", "333");
}

static void what_is_missing_is_a_dash(void **state)
{
    (void)state;
    PRINTED(&paper, two, "NAME  N\n-     1\n", "", "1");
}

static void what_is_foreign_is_escaped(void **state)
{
    (void)state;
    PRINTED(&paper, two, "NAME             N\n\\x1b[2Ja\\nb\\xff  1\n", "\x1b[2Ja\nb\xff", "1");
}

static void a_cell_is_cut_on_a_terminal_only(void **state)
{
    (void)state;
    PRINTED(&paper, two, "NAME          N\nabcdefghijkl  1\n", "abcdefghijkl", "1");
    PRINTED(&screen, two, "NAME      N\nabcdefg\xE2\x80\xA6  1\n", "abcdefghijkl", "1");
}

static void a_line_is_cut_at_the_terminals_width(void **state)
{
    (void)state;
    static const struct column wide[] = {{.head = "A"}, {.head = "WHY"}};
    PRINTED(&screen, wide, "A    WHY\nabc  123456789012345\nx    12345678901234\xE2\x80\xA6\n", "abc",
            "123456789012345", "x", "1234567890123456");
    PRINTED(&screen, wide, "A\nabcdefghijklmnopqrs\xE2\x80\xA6\n", "abcdefghijklmnopqrstuvw", "z");
}

static void a_wide_character_is_not_cut_in_half(void **state)
{
    (void)state;
    struct str out = STR_INIT;
    assert_int_equal(put_cut(&out, "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E", 4), 3);
    assert_string_equal(out.bytes, "\xE6\x97\xA5\xE2\x80\xA6");
    str_clear(&out);
    assert_int_equal(put_cut(&out, "abc", 0), 0);
    assert_int_equal(put_cut(&out, "abc", 3), 3);
    assert_string_equal(out.bytes, "abc");
    str_fini(&out);
}

static void pages_stand_below_each_other(void **state)
{
    (void)state;
    struct table t;
    struct str out = STR_INIT;
    table_init(&t, two, 2);
    table_cell(&t, "abcdef", PAINT_NONE);
    table_number(&t, 1);
    table_print(&t, &paper, 2, &out);
    table_cell(&t, "a", PAINT_NONE);
    table_number(&t, 2);
    table_print(&t, &paper, 2, &out);
    assert_string_equal(out.bytes, "  NAME    N\n  abcdef  1\n  a       2\n");
    table_fini(&t);
    str_fini(&out);
}

static void colours_do_not_move_columns(void **state)
{
    (void)state;
    struct look colourful = paper;
    struct table t;
    struct str out = STR_INIT;
    colourful.colour = true;
    table_init(&t, two, 2);
    table_cell(&t, "failed", paint_of_status("failed"));
    table_number(&t, 1);
    table_print(&t, &colourful, 0, &out);
    assert_string_equal(out.bytes, "\x1b[1mNAME\x1b[0m    \x1b[1mN\x1b[0m\n\x1b[31mfailed\x1b[0m  1\n");
    table_fini(&t);
    str_fini(&out);
}

static void csv(const char *text, const char *expected)
{
    struct str out = STR_INIT;
    csv_field(&out, text);
    assert_string_equal(out.bytes, expected);
    str_fini(&out);
}

static void csv_fields_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    csv(NULL, "");
    csv("", "");
    csv("plain text", "plain text");
    csv("a,b", "\"a,b\"");
    csv("say \"x\"", "\"say \"\"x\"\"\"");
    csv("two\r\nlines", "\"two\r\nlines\"");
}

static void json_is_ascii_on_a_terminal(void **state)
{
    (void)state;
    struct str out = STR_INIT;
    json_t *text = json_string("\xC3\xBC\xE2\x80\xAE");
    assert_true(put_json(&out, &screen, text, 0));
    assert_string_equal(out.bytes, "\"\\u00FC\\u202E\"");
    str_clear(&out);
    assert_true(put_json(&out, &paper, text, 0));
    assert_string_equal(out.bytes, "\"\xC3\xBC\xE2\x80\xAE\"");
    json_decref(text);
    assert_false(put_json(&out, &paper, NULL, 0));
    assert_true(str_failed(&out));
    str_fini(&out);
}

static void without_memory_it_is_told(void **state)
{
    (void)state;
    SCARCE_SWEEP (n) {
        struct table t;
        struct str out = STR_INIT;
        scarce_begin(n, 1);
        table_init(&t, two, 2);
        for (int i = 0; i < 40; i++) {
            table_cell(&t, "a name\n", PAINT_NONE);
            table_number(&t, i);
        }
        table_print(&t, &screen, 1, &out);
        table_fini(&t);
        bool hit = scarce_end();
        assert_true(hit == str_failed(&out));
        str_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_align_by_what_is_seen),
        cmocka_unit_test(numbers_stand_to_the_right),
        cmocka_unit_test(what_is_missing_is_a_dash),
        cmocka_unit_test(what_is_foreign_is_escaped),
        cmocka_unit_test(a_cell_is_cut_on_a_terminal_only),
        cmocka_unit_test(a_line_is_cut_at_the_terminals_width),
        cmocka_unit_test(a_wide_character_is_not_cut_in_half),
        cmocka_unit_test(pages_stand_below_each_other),
        cmocka_unit_test(colours_do_not_move_columns),
        cmocka_unit_test(csv_fields_are_quoted_where_they_must_be),
        cmocka_unit_test(json_is_ascii_on_a_terminal),
        cmocka_unit_test(without_memory_it_is_told),
    };
    return cmocka_run_group_tests(tests, know_widths, NULL);
}
