/* test_runtime.c: one timer for every wait. */
#include <sys/time.h>

#include "parts.h"

struct bench {
    uv_loop_t loop;
    struct config *config;
    struct clock_virtual clock;
    struct runtime rt;
};

struct named {
    struct wait wait;
    struct bench *b;
    char name;
    unsigned again; /* sets itself anew so often */
};

static char fired[64];

static void on_fired(struct wait *wait)
{
    struct named *n = (struct named *)wait;
    size_t len = strlen(fired);
    assert_true(len + 1 < sizeof fired);
    fired[len] = n->name;
    fired[len + 1] = '\0';
    if (n->again > 0) {
        n->again--;
        assert_int_equal(wait_set(&n->b->rt, wait, 10, on_fired), 0);
    }
}

static struct bench *bench_new(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->config = make_config(*state, "", ROUTES_ONE);
    uv_loop_init(&b->loop);
    clock_virtual_init(&b->clock, 0);
    assert_int_equal(runtime_init(&b->rt, &b->loop, b->config, &b->clock.clock), 0);
    fired[0] = '\0';
    return b;
}

static void bench_free(struct bench *b)
{
    runtime_close(&b->rt);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    runtime_fini(&b->rt);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    config_free(b->config);
    free(b);
}

/* Time goes on and the timer is armed anew, as any further wait does it. */
static void go_on(struct bench *b, int64_t ms)
{
    struct wait kick = {0};
    clock_virtual_advance(&b->clock, ms);
    assert_int_equal(wait_set(&b->rt, &kick, 0, parts_nothing), 0);
    while (due_listed(&kick.due))
        uv_run(&b->loop, UV_RUN_NOWAIT);
}

static void waits_fire_in_the_order_of_their_time_and_once(void **state)
{
    struct bench *b = bench_new(state);
    struct named x[3] = {{.name = 'a', .b = b}, {.name = 'b', .b = b}, {.name = 'c', .b = b}};
    wait_set(&b->rt, &x[2].wait, 30, on_fired);
    wait_set(&b->rt, &x[0].wait, 10, on_fired);
    wait_set(&b->rt, &x[1].wait, 20, on_fired);
    go_on(b, 9);
    assert_string_equal(fired, "");
    go_on(b, 1);
    assert_string_equal(fired, "a");
    go_on(b, 100);
    assert_string_equal(fired, "abc");
    go_on(b, 1000);
    assert_string_equal(fired, "abc");
    bench_free(b);
}

static void waits_of_the_same_moment_fire_in_the_order_they_were_set(void **state)
{
    struct bench *b = bench_new(state);
    struct named x[5];
    for (int i = 0; i < 5; i++) {
        x[i] = (struct named){.name = (char)('a' + i), .b = b};
        wait_set(&b->rt, &x[i].wait, 10, on_fired);
    }
    go_on(b, 10);
    assert_string_equal(fired, "abcde");
    bench_free(b);
}

static void a_wait_that_is_moved_fires_at_its_new_moment_only(void **state)
{
    struct bench *b = bench_new(state);
    struct named x = {.name = 'a', .b = b}, y = {.name = 'b', .b = b};
    wait_set(&b->rt, &x.wait, 10, on_fired);
    wait_set(&b->rt, &y.wait, 20, on_fired);
    wait_set(&b->rt, &x.wait, 50, on_fired);
    go_on(b, 20);
    assert_string_equal(fired, "b");
    go_on(b, 30);
    assert_string_equal(fired, "ba");
    wait_set(&b->rt, &x.wait, 1000, on_fired);
    wait_set(&b->rt, &x.wait, 5, on_fired);
    go_on(b, 5);
    assert_string_equal(fired, "baa");
    bench_free(b);
}

static void a_wait_that_is_cancelled_never_fires(void **state)
{
    struct bench *b = bench_new(state);
    struct named x = {.name = 'a', .b = b}, y = {.name = 'b', .b = b};
    wait_cancel(&b->rt, &x.wait);
    wait_set(&b->rt, &x.wait, 10, on_fired);
    wait_set(&b->rt, &y.wait, 10, on_fired);
    wait_cancel(&b->rt, &x.wait);
    go_on(b, 10);
    assert_string_equal(fired, "b");
    bench_free(b);
}

static void a_wait_may_set_itself_anew_when_it_fires(void **state)
{
    struct bench *b = bench_new(state);
    struct named x = {.name = 'a', .b = b, .again = 2};
    wait_set(&b->rt, &x.wait, 10, on_fired);
    for (int i = 0; i < 10; i++)
        go_on(b, 10);
    assert_string_equal(fired, "aaa");
    bench_free(b);
}

static void the_loop_wakes_by_itself_on_the_real_clock_and_never_early(void **state)
{
    struct bench *b = bench_new(state);
    b->rt.clock = &clock_real;
    struct named x[2] = {{.name = 'a', .b = b}, {.name = 'b', .b = b}};
    int64_t start = clock_real.mono_ms(&clock_real);
    wait_set(&b->rt, &x[1].wait, 40, on_fired);
    wait_set(&b->rt, &x[0].wait, 20, on_fired);
    wait_set(&b->rt, &x[0].wait, 30, on_fired);
    unsigned turns = 0;
    while (uv_run(&b->loop, UV_RUN_ONCE) != 0)
        turns++;
    assert_string_equal(fired, "ab");
    assert_true(clock_real.mono_ms(&clock_real) - start >= 40);
    assert_true(turns < 50); /* it slept in between */
    bench_free(b);
}

static void a_wait_that_is_set_later_but_comes_earlier_wakes_the_loop_earlier(void **state)
{
    struct bench *b = bench_new(state);
    b->rt.clock = &clock_real;
    struct named late = {.name = 'b', .b = b}, early = {.name = 'a', .b = b};
    int64_t start = clock_real.mono_ms(&clock_real);
    wait_set(&b->rt, &late.wait, 30000, on_fired);
    wait_set(&b->rt, &early.wait, 5, on_fired);
    while (fired[0] == '\0')
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_string_equal(fired, "a");
    assert_true(clock_real.mono_ms(&clock_real) - start < 30000);
    wait_cancel(&b->rt, &late.wait);
    bench_free(b);
}

static void no_memory_for_a_wait_is_told_and_sets_nothing(void **state)
{
    struct bench *b = bench_new(state);
    static struct named many[1000];
    memset(many, 0, sizeof many);
    size_t n = 0;
    int rc = 0;
    scarce_begin(1, 1);
    for (; rc == 0 && n < 1000; n++) {
        many[n] = (struct named){.name = 'a', .b = b};
        rc = wait_set(&b->rt, &many[n].wait, 10 + (int64_t)n, on_fired);
    }
    assert_true(scarce_end());
    assert_int_equal(rc, ERR_NOMEM);
    assert_true(n > 2); /* those that must never fail */
    assert_false(due_listed(&many[n - 1].wait.due));
    go_on(b, 10);
    assert_string_equal(fired, "a");
    while (n-- > 0)
        wait_cancel(&b->rt, &many[n].wait);
    bench_free(b);
}

static void on_meter_timer(uv_timer_t *timer)
{
    uint64_t until = uv_hrtime() + *(const uint64_t *)timer->data;
    while (uv_hrtime() < until)
        continue;
}

static void on_meter_prepare(uv_prepare_t *prepare)
{
    struct bench *b = prepare->data;
    runtime_meter(&b->rt);
    if (b->rt.meter.longest_ns > 30000000)
        uv_stop(&b->loop);
}

static void the_meter_counts_work_and_not_waiting(void **state)
{
    struct bench *b = bench_new(state);
    uint64_t work_ns = 40000000, waited_ns = 60000000, began = uv_hrtime();
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_loop_configure(&b->loop, UV_METRICS_IDLE_TIME);
    uv_prepare_init(&b->loop, &prepare);
    uv_timer_init(&b->loop, &timer);
    prepare.data = b;
    timer.data = &work_ns;
    uv_prepare_start(&prepare, on_meter_prepare);
    uv_timer_start(&timer, on_meter_timer, waited_ns / 1000000, 0);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    uint64_t passed = uv_hrtime() - began;
    assert_true(b->rt.meter.longest_ns >= work_ns);
    assert_true(b->rt.meter.busy_ns >= b->rt.meter.longest_ns);
    assert_true(b->rt.meter.busy_ns <= passed - waited_ns + 2000000); /* timers are as fine as a millisecond */
    uv_close((uv_handle_t *)&timer, NULL);
    uv_close((uv_handle_t *)&prepare, NULL);
    bench_free(b);
}

static void on_meter_signal(uv_signal_t *signal, int number)
{
    struct bench *b = signal->data;
    (void)number;
    runtime_meter_signalled(&b->rt);
    uv_stop(&b->loop);
}

static void a_signal_that_breaks_off_the_wait_does_not_make_it_work(void **state)
{
    struct bench *b = bench_new(state);
    const struct itimerval in_half_a_second = {.it_value = {.tv_usec = 500000}};
    uv_signal_t signal;
    uv_prepare_t prepare;
    uv_loop_configure(&b->loop, UV_METRICS_IDLE_TIME);
    uv_prepare_init(&b->loop, &prepare);
    uv_signal_init(&b->loop, &signal);
    prepare.data = signal.data = b;
    uv_prepare_start(&prepare, on_meter_prepare);
    uv_signal_start(&signal, on_meter_signal, SIGALRM);
    assert_int_equal(setitimer(ITIMER_REAL, &in_half_a_second, NULL), 0);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    assert_true(b->rt.meter.at_ns > 0);
    assert_true(b->rt.meter.longest_ns < 250000000);
    uv_close((uv_handle_t *)&signal, NULL);
    uv_close((uv_handle_t *)&prepare, NULL);
    bench_free(b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(waits_fire_in_the_order_of_their_time_and_once),
        T(waits_of_the_same_moment_fire_in_the_order_they_were_set),
        T(a_wait_that_is_moved_fires_at_its_new_moment_only),
        T(a_wait_that_is_cancelled_never_fires),
        T(a_wait_may_set_itself_anew_when_it_fires),
        T(the_loop_wakes_by_itself_on_the_real_clock_and_never_early),
        T(a_wait_that_is_set_later_but_comes_earlier_wakes_the_loop_earlier),
        T(no_memory_for_a_wait_is_told_and_sets_nothing),
        T(the_meter_counts_work_and_not_waiting),
        T(a_signal_that_breaks_off_the_wait_does_not_make_it_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
