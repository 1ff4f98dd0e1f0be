/* Is a file whole? Producers of all kinds, on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/clock.h"
#include "shunt/core/readiness.h"

static const struct readiness_rules rules = {.settle_ms = 2000, .settle_complete_ms = 250};

struct watch {
    struct clock_virtual clock;
    struct readiness r;
    struct file_print print;
    unsigned looks;
    int64_t pause;
};

static void begin(struct watch *w)
{
    *w = (struct watch){.print = {.dev = 1, .ino = 2, .size = 10, .mtime_ns = 3, .ctime_ns = 4}};
    clock_virtual_init(&w->clock, INT64_C(1770388246123));
}

static int64_t now_of(const struct watch *w)
{
    return w->clock.clock.mono_ms(&w->clock.clock);
}

static enum verdict look(struct watch *w, enum writer writer, enum wholeness whole)
{
    w->looks++;
    return readiness_look(&w->r, &rules, &w->print, writer, whole, now_of(w), &w->pause);
}

/* Looks as often as told until the answer is no longer "wait"; returns how long that took. */
static int64_t look_until(struct watch *w, enum writer writer, enum wholeness whole, enum verdict expected)
{
    int64_t start = now_of(w);
    enum verdict v;
    while ((v = look(w, writer, whole)) == VERDICT_WAIT) {
        assert_in_range(w->pause, 1, READINESS_PAUSE_MAX_MS);
        clock_virtual_advance(&w->clock, w->pause);
    }
    assert_int_equal(v, expected);
    assert_int_equal(w->pause, 0);
    return now_of(w) - start;
}

static void a_complete_document_without_a_writer_is_ready_at_once(void **state)
{
    (void)state;
    struct watch w;
    begin(&w);
    assert_int_equal(look_until(&w, WRITER_NONE, WHOLE_COMPLETE, VERDICT_READY), 0);
}

static void a_complete_document_keeps_still_where_the_kernel_cannot_be_asked(void **state)
{
    (void)state;
    struct watch w;
    begin(&w);
    assert_int_equal(look_until(&w, WRITER_UNKNOWN, WHOLE_COMPLETE, VERDICT_READY), 250);
}

static void an_incomplete_document_is_invalid_exactly_after_the_settle_time(void **state)
{
    (void)state;
    const enum writer writers[] = {WRITER_NONE, WRITER_UNKNOWN};
    const enum wholeness wholes[] = {WHOLE_INCOMPLETE, WHOLE_BROKEN};
    for (size_t i = 0; i < 4; i++) {
        struct watch w;
        begin(&w);
        assert_int_equal(look_until(&w, writers[i % 2], wholes[i / 2], VERDICT_INVALID), 2000);
        assert_in_range(w.looks, 5, 20);
    }
}

static void pauses_double_while_it_keeps_still_and_start_again_after_a_change(void **state)
{
    (void)state;
    struct watch w;
    begin(&w);
    const int64_t expected[] = {1, 2, 4, 8, 16, 32, 64, 128, 250, 250};
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(look(&w, WRITER_PRESENT, WHOLE_INCOMPLETE), VERDICT_WAIT);
        assert_int_equal(w.pause, expected[i]);
    }
    w.print.size++;
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(look(&w, WRITER_PRESENT, WHOLE_COMPLETE), VERDICT_WAIT);
        assert_int_equal(w.pause, expected[i]);
    }
}

static void every_part_of_the_print_counts_as_a_change(void **state)
{
    (void)state;
    for (int part = 0; part < 5; part++) {
        struct watch w;
        begin(&w);
        look(&w, WRITER_NONE, WHOLE_INCOMPLETE);
        clock_virtual_advance(&w.clock, 1999);
        w.print.dev += part == 0;
        w.print.ino += part == 1;
        w.print.size -= part == 2;
        w.print.mtime_ns -= part == 3;
        w.print.ctime_ns += part == 4;
        assert_int_equal(look_until(&w, WRITER_NONE, WHOLE_INCOMPLETE, VERDICT_INVALID), 2000);
    }
}

static void an_open_file_is_neither_ready_nor_invalid_for_hours(void **state)
{
    (void)state;
    const enum wholeness wholes[] = {WHOLE_COMPLETE, WHOLE_INCOMPLETE, WHOLE_BROKEN};
    for (size_t i = 0; i < 3; i++) {
        struct watch w;
        begin(&w);
        while (now_of(&w) < INT64_C(3) * 3600 * 1000) {
            assert_int_equal(look(&w, WRITER_PRESENT, wholes[i]), VERDICT_WAIT);
            clock_virtual_advance(&w.clock, w.pause);
        }
        /* Four looks a second, not more. */
        assert_true(w.looks < 3 * 3600 * 4 + 20);
    }
}

static void the_settle_time_begins_when_the_writer_lets_go(void **state)
{
    (void)state;
    struct watch w;
    begin(&w);
    for (int i = 0; i < 100; i++) {
        look(&w, WRITER_PRESENT, WHOLE_INCOMPLETE);
        clock_virtual_advance(&w.clock, 100);
    }
    clock_virtual_advance(&w.clock, -100);
    assert_int_equal(look_until(&w, WRITER_NONE, WHOLE_INCOMPLETE, VERDICT_INVALID), 2000);
}

/* A byte every 1.9 s, the file closed in between, for six hours: never invalid, and ready the moment it is whole. */
static void a_slow_writer_is_waited_for(void **state)
{
    (void)state;
    struct watch w;
    begin(&w);
    int64_t grows_at = 1900;
    while (now_of(&w) < INT64_C(6) * 3600 * 1000) {
        if (now_of(&w) >= grows_at) {
            w.print.size++;
            grows_at += 1900;
        }
        assert_int_equal(look(&w, WRITER_NONE, WHOLE_INCOMPLETE), VERDICT_WAIT);
        int64_t until_growth = grows_at - now_of(&w);
        clock_virtual_advance(&w.clock, w.pause < until_growth ? w.pause : until_growth);
    }
    w.print.size++;
    assert_int_equal(look_until(&w, WRITER_NONE, WHOLE_COMPLETE, VERDICT_READY), 0);
}

static void a_long_pause_between_looks_does_not_shorten_the_settle_time_of_a_change(void **state)
{
    (void)state;
    struct watch w;
    begin(&w);
    look(&w, WRITER_NONE, WHOLE_INCOMPLETE);
    clock_virtual_advance(&w.clock, 3600 * 1000);
    w.print.size++;
    assert_int_equal(look(&w, WRITER_NONE, WHOLE_INCOMPLETE), VERDICT_WAIT);
    clock_virtual_advance(&w.clock, 3600 * 1000);
    assert_int_equal(look(&w, WRITER_NONE, WHOLE_INCOMPLETE), VERDICT_INVALID);
}

static void the_wall_clock_does_not_matter(void **state)
{
    (void)state;
    struct watch w;
    begin(&w);
    look(&w, WRITER_NONE, WHOLE_BROKEN);
    w.clock.wall += INT64_C(365) * 24 * 3600 * 1000;
    assert_int_equal(look_until(&w, WRITER_NONE, WHOLE_BROKEN, VERDICT_INVALID), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_document_without_a_writer_is_ready_at_once),
        cmocka_unit_test(a_complete_document_keeps_still_where_the_kernel_cannot_be_asked),
        cmocka_unit_test(an_incomplete_document_is_invalid_exactly_after_the_settle_time),
        cmocka_unit_test(pauses_double_while_it_keeps_still_and_start_again_after_a_change),
        cmocka_unit_test(every_part_of_the_print_counts_as_a_change),
        cmocka_unit_test(an_open_file_is_neither_ready_nor_invalid_for_hours),
        cmocka_unit_test(the_settle_time_begins_when_the_writer_lets_go),
        cmocka_unit_test(a_slow_writer_is_waited_for),
        cmocka_unit_test(a_long_pause_between_looks_does_not_shorten_the_settle_time_of_a_change),
        cmocka_unit_test(the_wall_clock_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
