/* Places that we gave away are known again, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shunt/core/cursor.h"

static void a_row_is_digits_and_nothing_else(void **state)
{
    (void)state;
    static const char *const none[] = {"", " 1", "1 ", "-1", "+1", "0x1", "1a", "1234567890123456789"};
    uint64_t row = 7;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(cursor_row(none[i], &row));
    assert_int_equal(row, 7);
    assert_true(cursor_row("0", &row));
    assert_int_equal(row, 0);
    assert_true(cursor_row("999999999999999999", &row));
    assert_int_equal(row, 999999999999999999);
}

static void an_event_is_of_this_boot(void **state)
{
    (void)state;
    static const char *const none[] = {"",     "-",      "1f",    "1f-",   "1f--3", "1e-3",
                                       "1F-3", "0x1f-3", " 1f-3", "01f-3", "1f-3 ", "1f-+3"};
    uint64_t number = 7;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(cursor_event(none[i], 0x1f, &number));
    assert_int_equal(number, 7);
    assert_true(cursor_event("1f-3", 0x1f, &number));
    assert_int_equal(number, 3);
    assert_true(cursor_event("ffffffffffffffff-0", UINT64_MAX, &number));
    assert_int_equal(number, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_digits_and_nothing_else),
        cmocka_unit_test(an_event_is_of_this_boot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
