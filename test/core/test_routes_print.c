/* test_routes_print.c: what people are shown of a table. */
#include "routes_table.h"

static void the_sample_is_printed_as_the_matrix(void **state)
{
    (void)state;
    struct routes *r = sample_table();
    struct str out = STR_INIT;
    routes_print(r, &out);
    assert_false(str_failed(&out));
    assert_string_equal(out.bytes, "CLIENT            DESTINATIONS   CELTRA OR OTHER CONDITIONS\n"
                                   "3M                archive only   category CELTRA -> Celtra\n"
                                   "ADIDAS            archive only   category CELTRA -> Celtra\n"
                                   "BAYER             archive only   category CELTRA -> Celtra\n"
                                   "BISSELL           BISSELL-WRIKE  -\n"
                                   "CELTRA            Celtra         -\n"
                                   "CIBC              archive only   category CELTRA -> Celtra\n"
                                   "LOREAL            LOREAL         -\n"
                                   "OLIVER            archive only   category CELTRA -> Celtra\n"
                                   "PAYPAL            archive only   category CELTRA -> Celtra\n"
                                   "RANK              Monday Rank    category CELTRA -> Celtra\n"
                                   "RECKITTBENCKISER  Monday RB      category CELTRA -> Celtra\n"
                                   "(any other)       archive only   -\n");
    str_fini(&out);
    routes_unref(r);
}

static void check_print(const char *text, const char *expected)
{
    struct routes *r = table_of(text);
    struct str out = STR_INIT;
    routes_print(r, &out);
    assert_false(str_failed(&out));
    const char *rows = strchr(out.bytes, '\n');
    assert_non_null(rows);
    assert_string_equal(rows + 1, expected);
    str_fini(&out);
    routes_unref(r);
}

static void globs_are_printed_with_what_holds_for_all_their_clients(void **state)
{
    (void)state;
    check_print(
        DESTINATIONS
        "[route 1]\nclient = RANK, B*\nto = a\n[route 2]\nclient = BA*\nto = b\n[route 3]\nclient = *\ntitle = Big*\nto = c\n"
        "[route 4]\nclient = BAYER\nto = c\n",
        "B*           A             title Big* -> C\n"
        "BA*          A, B          title Big* -> C\n"
        "BAYER        A, B, C       -\n"
        "RANK         A             title Big* -> C\n"
        "(any other)  archive only  title Big* -> C\n");
    /* Globs that cross: BAT fits both, and has no row of its own. */
    check_print(DESTINATIONS "[route 1]\nclient = B*\nto = a\n[route 2]\nclient = *T\nto = b\n",
                "*T           B             client B* -> A\n"
                "B*           A             client *T -> B\n"
                "(any other)  archive only  -\n");
    check_print(DESTINATIONS
                "[route 1]\nclient = BX*\nto = a\n[route 2]\nclient = BY*\nto = b\n[route 3]\nclient = **\nto = c\n",
                "BX*          A, C          -\n"
                "BY*          B, C          -\n"
                "(any other)  C             -\n");
}

static void several_conditions_are_printed_in_words(void **state)
{
    (void)state;
    check_print(DESTINATIONS "[route 1]\ncategory = X, Y*\n/a/b = 5\nto = a, b\n[route 2]\nclient = RANK\nto = a\n",
                "RANK         A             category X or Y* and /a/b 5 -> B\n"
                "(any other)  archive only  category X or Y* and /a/b 5 -> A, B\n");
}

static void conditions_are_printed_once_and_in_the_order_of_the_file(void **state)
{
    (void)state;
    check_print(DESTINATIONS "[route 1]\ncategory = X\nto = c\n[route 2]\nclient = RANK, RANK\ncategory = Y\nto = b\n"
                             "[route 3]\nclient = *\ncategory = Z\nto = a\n",
                "RANK         archive only  category X -> C; category Y -> B; category Z -> A\n"
                "(any other)  archive only  category X -> C; category Z -> A\n");
}

static void destinations_with_one_label_are_printed_with_their_names(void **state)
{
    (void)state;
    check_print(
        "[destination x]\npath = X/IN\n[destination y]\npath = Y/IN\n[destination z]\npath = Z\n[route 1]\nclient = \xc3\x84\xc3\x96\nto = x, y, z\n",
        "\xc3\x84\xc3\x96           IN (x), IN (y), Z  -\n"
        "(any other)  archive only       -\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_is_printed_as_the_matrix),
        cmocka_unit_test(globs_are_printed_with_what_holds_for_all_their_clients),
        cmocka_unit_test(several_conditions_are_printed_in_words),
        cmocka_unit_test(conditions_are_printed_once_and_in_the_order_of_the_file),
        cmocka_unit_test(destinations_with_one_label_are_printed_with_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
