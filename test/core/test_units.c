#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/core/units.h"

#define KIB INT64_C(1024)

struct number_case {
    const char *text;
    int64_t value;
};

static void sizes_are_read_with_their_unit(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"0", 0},
        {"512", 512},
        {"64KiB", 64 * KIB},
        {"64 MiB", 64 * KIB * KIB},
        {"1GiB", KIB * KIB * KIB},
        {"10kB", 10000},
        {"5MB", 5000000},
        {"2GB", INT64_C(2000000000)},
        {"9223372036854775807", INT64_MAX},
        {"0KiB", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = -1;
        assert_int_equal(units_bytes(cases[i].text, &n, NULL), 0);
        assert_int_equal(n, cases[i].value);
    }
}

static void times_are_read_with_their_unit(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"0", 0},      {"250ms", 250}, {"2s", 2000}, {"3m", 180000}, {"4h", 14400000}, {"90d", INT64_C(7776000000)},
        {"2 s", 2000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = -1;
        assert_int_equal(units_ms(cases[i].text, &n, NULL), 0);
        assert_int_equal(n, cases[i].value);
    }
}

static void what_is_no_size_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "-1",
                                      "+1",
                                      "1.5MiB",
                                      "64mib",
                                      "64K",
                                      "KiB",
                                      "64  KiB",
                                      "64KiB ",
                                      "1 ",
                                      "0x10",
                                      "9223372036854775808",
                                      "9223372036854775807KiB",
                                      "99999999999999999999999",
                                      "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t n = 7;
        struct error e = {0};
        assert_int_equal(units_bytes(bad[i], &n, &e), ERR_CONFIG);
        assert_non_null(strstr(e.text, "is not a size; write it as"));
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "60", "5 minutes", "2S", "-2s", "1.5s", "s", "2s3m", "9223372036854775807d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t n = 7;
        struct error e = {0};
        assert_int_equal(units_ms(bad[i], &n, &e), ERR_CONFIG);
        assert_non_null(strstr(e.text, "is not a time; write it with its unit"));
    }
}

static void switches_have_four_spellings(void **state)
{
    (void)state;
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        bool b = i % 2 == 0;
        assert_int_equal(units_bool(words[i], &b, NULL), 0);
        assert_int_equal(b, i % 2);
    }
    bool b;
    struct error e = {0};
    assert_int_equal(units_bool("YES", &b, &e), ERR_CONFIG);
    assert_string_equal(e.text, "\"YES\" is neither yes nor no");
    assert_int_equal(units_bool("", &b, NULL), ERR_CONFIG);
}

static void modes_are_octal_without_set_id_bits(void **state)
{
    (void)state;
    unsigned mode;
    assert_int_equal(units_mode("0664", &mode, NULL), 0);
    assert_int_equal(mode, 0664);
    assert_int_equal(units_mode("664", &mode, NULL), 0);
    assert_int_equal(mode, 0664);
    assert_int_equal(units_mode("1777", &mode, NULL), 0);
    assert_int_equal(mode, 01777);
    static const char *const bad[] = {"", "6", "0888", "0x1f", "00664", "rw-", "4755", "2775", "7777", "-664"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(units_mode(bad[i], &mode, NULL), ERR_CONFIG);
    }
}

static void counts_keep_their_bounds(void **state)
{
    (void)state;
    int64_t n;
    assert_int_equal(units_count("10", 1, 10, &n, NULL), 0);
    assert_int_equal(n, 10);
    struct error e = {0};
    assert_int_equal(units_count("11", 1, 10, &n, &e), ERR_CONFIG);
    assert_string_equal(e.text, "11 is not between 1 and 10");
    assert_int_equal(units_count("0", 1, 10, &n, NULL), ERR_CONFIG);
    static const char *const bad[] = {"", "ten", "-1", "1.0", "1 ", " 1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(units_count(bad[i], 0, 10, &n, NULL), ERR_CONFIG);
    }
}

static void factors_may_have_a_part(void **state)
{
    (void)state;
    double f;
    assert_int_equal(units_factor("6", &f, NULL), 0);
    assert_true(f == 6.0);
    assert_int_equal(units_factor("1.25", &f, NULL), 0);
    assert_true(f == 1.25);
    static const char *const bad[] = {"", ".", "1.", ".5", "nan", "inf", "1e3", "0x6", "-1", "1,5", "1.5.5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(units_factor(bad[i], &f, NULL), ERR_CONFIG);
    }
}

static void texts_are_short_and_exact(void **state)
{
    (void)state;
    char text[UNITS_TEXT_MAX];
    static const struct number_case sizes[] = {{"0", 0},
                                               {"512", 512},
                                               {"1KiB", KIB},
                                               {"64MiB", 64 * KIB * KIB},
                                               {"1GiB", KIB * KIB * KIB},
                                               {"5MB", 5000000},
                                               {"1025", 1025},
                                               {"9223372036854775807", INT64_MAX}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        units_bytes_text(sizes[i].value, text);
        assert_string_equal(text, sizes[i].text);
    }
    static const struct number_case times[] = {{"0", 0},       {"250ms", 250},   {"2s", 2000},     {"90s", 90000},
                                               {"2m", 120000}, {"4h", 14400000}, {"1d", 86400000}, {"1500ms", 1500}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        units_ms_text(times[i].value, text);
        assert_string_equal(text, times[i].text);
    }
}

static void texts_read_back_as_the_same_value(void **state)
{
    (void)state;
    for (int64_t n = 1; n < INT64_MAX / 7; n = n * 7 / 3 + 1) {
        char text[UNITS_TEXT_MAX];
        int64_t back;
        units_bytes_text(n, text);
        assert_int_equal(units_bytes(text, &back, NULL), 0);
        assert_int_equal(back, n);
        units_ms_text(n, text);
        assert_int_equal(units_ms(text, &back, NULL), 0);
        assert_int_equal(back, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_with_their_unit), cmocka_unit_test(times_are_read_with_their_unit),
        cmocka_unit_test(what_is_no_size_is_refused),     cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(switches_have_four_spellings),   cmocka_unit_test(modes_are_octal_without_set_id_bits),
        cmocka_unit_test(counts_keep_their_bounds),       cmocka_unit_test(factors_may_have_a_part),
        cmocka_unit_test(texts_are_short_and_exact),      cmocka_unit_test(texts_read_back_as_the_same_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
