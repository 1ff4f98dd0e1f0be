#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shunt/core/when.h"

#define NOW INT64_C(1770388246123) /* 2026-02-06T14:30:46.123Z */
#define DAY INT64_C(86400000)

static int64_t when(const char *text, bool end)
{
    int64_t ms = -1;
    struct error e = {0};
    if (when_parse(text, NOW, end, &ms, &e) != 0)
        fail_msg("%s", e.text);
    return ms;
}

static void a_time_with_its_zone_is_that_moment(void **state)
{
    (void)state;
    assert_int_equal(when("2026-02-06T14:30:46.123Z", false), NOW);
    assert_int_equal(when("2026-02-06T15:30:46.123+01:00", false), NOW);
    assert_int_equal(when("2026-02-06 09:00:46.123456-05:30", false), NOW);
    assert_int_equal(when("2026-02-06T14:30:46Z", true), NOW - 123);
    assert_int_equal(when("1970-01-01T00:00:00Z", false), 0);
}

static void a_day_is_the_local_one_with_its_23_hours(void **state)
{
    (void)state;
    assert_int_equal(when("2026-02-06", false), INT64_C(1770332400000)); /* 2026-02-05T23:00:00Z */
    assert_int_equal(when("2026-02-06", true), INT64_C(1770332400000) + DAY);
    assert_int_equal(when("2026-03-29", true) - when("2026-03-29", false), DAY - DAY / 24);
    assert_int_equal(when("2026-12-31", true), when("2027-01-01", false));
}

static void an_age_is_so_long_ago(void **state)
{
    (void)state;
    assert_int_equal(when("2h", false), NOW - DAY / 12);
    assert_int_equal(when("3d", true), NOW - 3 * DAY);
}

static void what_is_none_of_these_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026",
                                      "2026-02",
                                      "2026-02-30",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-02-0",
                                      "2026-02-06x",
                                      "2026-02-06T",
                                      "2026-02-06T15:30:46",
                                      "2026-02-06T24:00:00Z",
                                      "2026-02-06T15:60:00Z",
                                      "2026-02-06T15:30:00.Z",
                                      "2026-02-06T15:30:00+1",
                                      "2026-02-06T15:30:00+01:60",
                                      "2026-02-06T15:30:00Zx",
                                      "-2h",
                                      "100000d",
                                      "20"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms;
        struct error e = {0};
        assert_int_equal(when_parse(bad[i], NOW, false, &ms, &e), ERR_USAGE);
        assert_non_null(strstr(e.text, bad[i]));
    }
}

static void times_are_local_for_people(void **state)
{
    (void)state;
    char text[WHEN_TEXT_MAX];
    when_local("2026-02-06T14:30:46.123Z", text);
    assert_string_equal(text, "2026-02-06 15:30:46");
    when_local("2026-08-06T14:30:46Z", text);
    assert_string_equal(text, "2026-08-06 16:30:46");
    when_local_ms("2026-02-06T14:30:46.123Z", text);
    assert_string_equal(text, "2026-02-06 15:30:46.123");
    when_local_ms(NULL, text);
    assert_string_equal(text, "-");
    when_local(NULL, text);
    assert_string_equal(text, "-");
    when_local("nonsense", text);
    assert_string_equal(text, "-");
    when_utc(1, text);
    assert_string_equal(text, "1970-01-01T00:00:00.001Z");
    when_utc(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void spans_are_short(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } table[] = {{-5, "0 s"},           {999, "0 s"},
                 {59999, "59 s"},       {60000, "1 min"},
                 {3599999, "59 min"},   {3600000 * 5 + 600000, "5 h 10 min"},
                 {86400000, "1 d 0 h"}, {INT64_MAX, "106751991167 d 7 h"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[WHEN_TEXT_MAX];
        when_span(table[i].ms, text);
        assert_string_equal(text, table[i].text);
    }
}

int main(void)
{
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_with_its_zone_is_that_moment),
        cmocka_unit_test(a_day_is_the_local_one_with_its_23_hours),
        cmocka_unit_test(an_age_is_so_long_ago),
        cmocka_unit_test(what_is_none_of_these_is_refused),
        cmocka_unit_test(times_are_local_for_people),
        cmocka_unit_test(spans_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
