/* When tickets are expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shunt/core/expect.h"

static struct settings *load(const char *text, struct faults *faults)
{
    const struct settings_source source = {.file = "shunt.ini", .text = text, .len = strlen(text)};
    faults_init(faults);
    return settings_new(&source, faults);
}

static int64_t at(int month, int day, int hour, int minute)
{
    struct tm tm = {
        .tm_year = 126, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};
    return (int64_t)mktime(&tm) * 1000;
}

static void they_are_due_from_their_time_to_the_end_of_the_day(void **state)
{
    (void)state;
    struct faults faults;
    struct settings *s = load("[expect morning]\nclient = RANK\nby = 10:00\nmin = 12\n", &faults);
    assert_non_null(s);
    const struct expect *x = (const struct expect *)s->expects.items[0];
    assert_int_equal(x->min, 12);
    for (int day = 27; day <= 31; day++) /* over the change to summer time on March 29 */
        for (int hour = 0; hour < 24; hour++) {
            assert_int_equal(expected_is_due(x, at(3, day, hour, 0)), hour >= 10);
            assert_int_equal(expected_is_due(x, at(3, day, hour, 59)), hour >= 10);
        }
    assert_false(expected_is_due(x, at(10, 25, 9, 59)));
    assert_true(expected_is_due(x, at(10, 25, 10, 0)));
    assert_true(expected_is_due(x, at(10, 25, 23, 59)));
    settings_free(s);
}

static void a_time_that_a_change_leaves_out_is_made_up_for(void **state)
{
    (void)state;
    struct faults faults;
    struct settings *s = load("[expect night]\nclient = RANK\nby = 02:30\n", &faults);
    const struct expect *x = (const struct expect *)s->expects.items[0];
    assert_int_equal(x->min, 1);
    assert_false(expected_is_due(x, at(3, 29, 1, 59)));
    assert_true(expected_is_due(x, at(3, 29, 3, 0)));
    settings_free(s);
}

static void on_other_days_nothing_is_expected(void **state)
{
    (void)state;
    struct faults faults;
    struct settings *s = load("[expect week]\nclient = RANK\nby = 00:00\ndays = mon-fri\n", &faults);
    const struct expect *x = (const struct expect *)s->expects.items[0];
    for (int day = 2; day <= 8; day++) /* March 2, 2026 is a Monday */
        assert_int_equal(expected_is_due(x, at(3, day, 12, 0)), day <= 6);
    settings_free(s);
}

static void what_is_not_said_or_wrong_is_a_fault(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"[expect a]\nby = 10:00\n", "shunt.ini:1: [expect a] whose tickets? client is missing"},
        {"[expect a]\nclient = RANK\n", "shunt.ini:1: [expect a] at which time? by is missing"},
        {"[expect a]\nclient = RANK\nby = 25:00\n", "shunt.ini:3: by: \"25:00\" is no time of the day such as 07:00"},
        {"[expect a]\nclient = RANK\nby = 10:00\ndays = noday\n", "shunt.ini:4: days: \"noday\" is no day of the week"},
        {"[expect a]\nclient = RANK\nby = 10:00\nmin = 0\n", "shunt.ini:4: min: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct faults faults;
        assert_null(load(cases[i].text, &faults));
        assert_int_equal(faults.count, 1);
        assert_memory_equal(faults.texts[0], cases[i].fault, strlen(cases[i].fault));
        faults_fini(&faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_due_from_their_time_to_the_end_of_the_day),
        cmocka_unit_test(a_time_that_a_change_leaves_out_is_made_up_for),
        cmocka_unit_test(on_other_days_nothing_is_expected),
        cmocka_unit_test(what_is_not_said_or_wrong_is_a_fault),
    };
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
