/* What waits is taken up by priority, and nothing waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shunt/core/priority.h"

static void a_word_is_known_again(void **state)
{
    (void)state;
    for (int i = 0; i < PRIORITIES; i++) {
        enum priority again;
        assert_true(priority_from(priority_word((enum priority)i), &again));
        assert_int_equal(again, i);
    }
    enum priority untouched = PRIORITY_LOW;
    assert_false(priority_from("urgent", &untouched));
    assert_false(priority_from("", &untouched));
    assert_int_equal(untouched, PRIORITY_LOW);
}

static void the_highest_that_waits_is_first(void **state)
{
    (void)state;
    unsigned turn = 0;
    assert_int_equal(priority_next(&turn, (bool[]){true, true, true}), PRIORITY_HIGH);
    assert_int_equal(priority_next(&turn, (bool[]){false, true, true}), PRIORITY_NORMAL);
    assert_int_equal(priority_next(&turn, (bool[]){false, false, true}), PRIORITY_LOW);
    assert_int_equal(priority_next(&turn, (bool[]){false, false, false}), PRIORITIES);
}

static void nothing_waits_for_ever(void **state)
{
    (void)state;
    unsigned turn = 0, taken[PRIORITIES] = {0};
    for (int i = 0; i < 3200; i++)
        taken[priority_next(&turn, (bool[]){true, true, true})]++;
    assert_int_equal(taken[PRIORITY_LOW], 100);
    assert_int_equal(taken[PRIORITY_NORMAL], 300);
    assert_int_equal(taken[PRIORITY_HIGH], 2800);
}

static void a_turn_of_who_does_not_wait_is_the_others(void **state)
{
    (void)state;
    unsigned turn = 0;
    for (int i = 0; i < 100; i++)
        assert_int_equal(priority_next(&turn, (bool[]){true, false, false}), PRIORITY_HIGH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_known_again),
        cmocka_unit_test(the_highest_that_waits_is_first),
        cmocka_unit_test(nothing_waits_for_ever),
        cmocka_unit_test(a_turn_of_who_does_not_wait_is_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
