/* The due-list: order, moving, removing, and how long to sleep, also over simulated hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/error.h"
#include "shunt/base/mem.h"
#include "shunt/core/due.h"

#include "../scarce.h"

#define MANY 1000

static uint32_t dice = 1;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % sides;
}

static void the_earliest_comes_first_and_only_when_due(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    struct due_entry a = {0}, b = {0}, c = {0};
    assert_int_equal(due_add(&d, &a, 30), 0);
    assert_int_equal(due_add(&d, &b, 10), 0);
    assert_int_equal(due_add(&d, &c, 20), 0);
    assert_null(due_pop(&d, 9));
    assert_ptr_equal(due_pop(&d, 25), &b);
    assert_false(due_listed(&b));
    assert_ptr_equal(due_pop(&d, 25), &c);
    assert_null(due_pop(&d, 25));
    assert_true(due_listed(&a));
    assert_ptr_equal(due_pop(&d, 30), &a);
    assert_null(due_pop(&d, INT64_MAX));
    due_fini(&d);
}

static void the_same_time_keeps_the_order_of_adding(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    static struct due_entry entries[MANY];
    memset(entries, 0, sizeof entries);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(due_add(&d, &entries[i], 5), 0);
    for (size_t i = 0; i < MANY; i++)
        assert_ptr_equal(due_pop(&d, 5), &entries[i]);
    due_fini(&d);
}

static void sleep_lasts_until_the_earliest(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    assert_int_equal(due_sleep_ms(&d, 100), -1);
    struct due_entry a = {0};
    due_add(&d, &a, 150);
    assert_int_equal(due_sleep_ms(&d, 100), 50);
    assert_int_equal(due_sleep_ms(&d, 150), 0);
    assert_int_equal(due_sleep_ms(&d, 9000), 0);
    due_remove(&d, &a);
    assert_int_equal(due_sleep_ms(&d, 100), -1);
    due_fini(&d);
}

static void adding_again_moves_it(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    struct due_entry a = {0}, b = {0};
    due_add(&d, &a, 10);
    due_add(&d, &b, 20);
    due_add(&d, &a, 30);
    assert_int_equal(d.count, 2);
    assert_ptr_equal(due_pop(&d, 100), &b);
    due_add(&d, &b, 40);
    due_add(&d, &b, 5);
    assert_ptr_equal(due_pop(&d, 100), &b);
    assert_ptr_equal(due_pop(&d, 100), &a);
    assert_null(due_pop(&d, 100));
    due_fini(&d);
}

static void removing_what_is_not_listed_is_fine(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    struct due_entry a = {0}, b = {0};
    due_remove(&d, &a);
    due_add(&d, &b, 1);
    due_remove(&d, &a);
    due_remove(&d, &b);
    due_remove(&d, &b);
    assert_null(due_pop(&d, 100));
    due_fini(&d);
}

static void an_ended_list_lets_its_entries_go(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    struct due_entry a = {0};
    due_add(&d, &a, 1);
    due_fini(&d);
    assert_false(due_listed(&a));
    assert_int_equal(due_add(&d, &a, 1), 0);
    due_fini(&d);
}

static void after_any_mix_of_steps_everything_comes_out_in_order(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    static struct due_entry entries[MANY];
    memset(entries, 0, sizeof entries);
    for (int step = 0; step < 100000; step++) {
        struct due_entry *e = &entries[roll(MANY)];
        if (roll(3) == 0)
            due_remove(&d, e);
        else
            assert_int_equal(due_add(&d, e, roll(500)), 0);
    }
    size_t listed = 0;
    for (size_t i = 0; i < MANY; i++)
        listed += due_listed(&entries[i]);
    assert_int_equal(listed, d.count);
    const struct due_entry *last = NULL;
    for (const struct due_entry *e; (e = due_pop(&d, 500)); last = e, listed--)
        if (last)
            assert_true(last->at_ms < e->at_ms || (last->at_ms == e->at_ms && last->order < e->order));
    assert_int_equal(listed, 0);
    due_fini(&d);
}

/* Three days of a hundred waits of 1 s to 2 h, driven as a loop does: sleep as long as told, then take what is due. */
static void over_simulated_days_nothing_is_early_late_or_lost(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    static struct due_entry entries[100];
    int64_t expected[100];
    memset(entries, 0, sizeof entries);
    int64_t now = 0, end = INT64_C(3) * 24 * 3600 * 1000;
    for (size_t i = 0; i < 100; i++)
        due_add(&d, &entries[i], expected[i] = now + 1000 + roll(7200 * 1000));
    size_t wakes = 0;
    while (now < end) {
        int64_t sleep = due_sleep_ms(&d, now);
        assert_true(sleep > 0);
        now += sleep;
        wakes++;
        size_t popped = 0;
        for (struct due_entry *e; (e = due_pop(&d, now)); popped++) {
            size_t i = (size_t)(e - entries);
            assert_int_equal(now, expected[i]);
            due_add(&d, e, expected[i] = now + 1000 + roll(7200 * 1000));
        }
        assert_true(popped > 0);
        assert_int_equal(d.count, 100);
    }
    assert_true(wakes > 3 * 24 * 50);
    due_fini(&d);
}

static void without_memory_a_listed_entry_can_still_be_moved(void **state)
{
    (void)state;
    struct due_list d;
    due_init(&d);
    static struct due_entry entries[MANY];
    memset(entries, 0, sizeof entries);
    assert_int_equal(due_add(&d, &entries[0], 10), 0);
    scarce_begin(1, SCARCE_FOR_EVER);
    int rc = 0;
    size_t n = 1;
    while (rc == 0 && n < MANY)
        rc = due_add(&d, &entries[n++], 20);
    int moved = due_add(&d, &entries[0], 5);
    assert_true(scarce_end());
    assert_int_equal(rc, ERR_NOMEM);
    assert_false(due_listed(&entries[n - 1]));
    assert_int_equal(moved, 0);
    assert_ptr_equal(due_pop(&d, 5), &entries[0]);
    due_fini(&d);
}

static void reserved_room_is_there_without_memory(void **state)
{
    (void)state;
    static struct due_entry entries[MANY];
    SCARCE_SWEEP (n) {
        struct due_list d;
        memset(entries, 0, sizeof entries);
        due_init(&d);
        assert_int_equal(due_add(&d, &entries[0], 1), 0);
        scarce_begin(n, SCARCE_FOR_EVER);
        int rc = due_reserve(&d, MANY - 1);
        for (size_t i = 1; rc == 0 && i < MANY; i++)
            assert_int_equal(due_add(&d, &entries[i], 1), 0);
        assert_int_equal(rc, scarce_end() ? ERR_NOMEM : 0);
        assert_ptr_equal(due_pop(&d, 1), &entries[0]);
        due_fini(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_comes_first_and_only_when_due),
        cmocka_unit_test(the_same_time_keeps_the_order_of_adding),
        cmocka_unit_test(sleep_lasts_until_the_earliest),
        cmocka_unit_test(adding_again_moves_it),
        cmocka_unit_test(removing_what_is_not_listed_is_fine),
        cmocka_unit_test(an_ended_list_lets_its_entries_go),
        cmocka_unit_test(after_any_mix_of_steps_everything_comes_out_in_order),
        cmocka_unit_test(over_simulated_days_nothing_is_early_late_or_lost),
        cmocka_unit_test(without_memory_a_listed_entry_can_still_be_moved),
        cmocka_unit_test(reserved_room_is_there_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
