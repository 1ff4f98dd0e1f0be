/* test_pressure.c: which limit says that nothing more is accepted, by what the system tells. */
#include "shunt/service/pressure.h"

#include "parts.h"

#define MIB (UINT64_C(1024) * 1024)

static const struct settings set = {
    .max_memory_percent = 80, .min_free_bytes = 64 * (int64_t)MIB, .queue_limit = 100, .in_work_limit = 256};

static const struct pressure at_ease = {.more = 1,
                                        .total_bytes = 1000 * MIB,
                                        .available_bytes = 500 * MIB,
                                        .some_percent = -1,
                                        .stalled_percent = -1,
                                        .free_bytes = UINT64_MAX};

static void assert_limit(struct pressure p, enum pressure_limit limit, const char *told)
{
    char why[PRESSURE_TEXT_MAX];
    assert_int_equal(pressure_judge(&p, &set, why), limit);
    assert_non_null(strstr(why, told));
}

static void the_containers_memory_counts_before_the_hosts(void **state)
{
    (void)state;
    struct pressure p = at_ease;
    assert_limit(p, PRESSURE_NONE, "");
    p.limit_bytes = 100 * MIB;
    p.used_bytes = 80 * MIB;
    assert_limit(p, PRESSURE_NONE, "");
    p.used_bytes += 1;
    assert_limit(p, PRESSURE_MEMORY, "container");
    p = at_ease;
    p.stalled_percent = PRESSURE_STALLED_MAX;
    assert_limit(p, PRESSURE_NONE, "");
    p.stalled_percent += 0.5;
    assert_limit(p, PRESSURE_MEMORY, "waits");
    p = at_ease;
    p.available_bytes = 200 * MIB;
    assert_limit(p, PRESSURE_NONE, "");
    p.available_bytes--;
    assert_limit(p, PRESSURE_MEMORY, "host");
}

static void disk_and_queue_have_their_limits(void **state)
{
    (void)state;
    struct pressure p = at_ease;
    p.free_bytes = 64 * MIB;
    assert_limit(p, PRESSURE_NONE, "");
    p.free_bytes--;
    assert_limit(p, PRESSURE_DISK, "disk");
    p = at_ease;
    p.waiting = 99;
    assert_limit(p, PRESSURE_NONE, "");
    p.waiting = 100;
    assert_limit(p, PRESSURE_QUEUE, "queue");
}

static void what_is_not_known_does_not_limit(void **state)
{
    (void)state;
    struct pressure p = {.stalled_percent = -1, .free_bytes = UINT64_MAX};
    assert_limit(p, PRESSURE_NONE, "");
    assert_int_equal(pressure_concurrency(&p, &set), set.in_work_limit);
}

static void less_memory_is_less_work_at_once(void **state)
{
    (void)state;
    struct pressure p = at_ease;
    assert_int_equal(pressure_concurrency(&p, &set), 256);
    p.available_bytes = 210 * MIB;
    assert_in_range(pressure_concurrency(&p, &set), 5, 10);
    p.available_bytes = 0;
    assert_int_equal(pressure_concurrency(&p, &set), 1);
}

static void put_group(struct scratch *s, const char *group, const char *max, const char *current)
{
    char path[256];
    snprintf(path, sizeof path, "sys/fs/cgroup%s", group);
    make_folder(s, path);
    snprintf(path, sizeof path, "sys/fs/cgroup%s/memory.max", group);
    put(in(s, path), max);
    snprintf(path, sizeof path, "sys/fs/cgroup%s/memory.current", group);
    put(in(s, path), current);
}

static void the_tightest_group_is_found_and_what_is_cached_is_free(void **state)
{
    struct scratch *s = *state;
    const char *const folders[] = {s->root, "/nowhere", NULL};
    struct pressure p = {.more = 7};
    make_folder(s, "proc/self");
    put(in(s, "proc/meminfo"), "MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    400 kB\n");
    put(in(s, "proc/self/statm"), "100 3 2 1 0 0 0\n");
    put(in(s, "proc/self/cgroup"), "0::/a/b\n");
    put_group(s, "", "max", "5");
    put_group(s, "/a", "1000\n", "900\n");
    put_group(s, "/a/b", "5000\n", "4000\n");
    put(in(s, "sys/fs/cgroup/a/memory.stat"), "anon 1\ninactive_file 100\n");
    put(in(s, "sys/fs/cgroup/a/b/memory.stat"), "inactive_file 3000\n");
    put(in(s, "sys/fs/cgroup/a/b/memory.pressure"), "some avg10=3.50 avg60=0.00 avg300=0.00 total=1\n"
                                                    "full avg10=1.25 avg60=0.00 avg300=0.00 total=1\n");
    pressure_read(&p, s->root, folders);
    assert_int_equal(p.more, 7);
    assert_int_equal(p.total_bytes, 1000 * 1024);
    assert_int_equal(p.available_bytes, 400 * 1024);
    assert_int_equal(p.own_bytes, 3 * sysconf(_SC_PAGESIZE));
    assert_int_equal(p.limit_bytes, 1000);
    assert_int_equal(p.used_bytes, 800);
    assert_true(p.stalled_percent == 1.25 && p.some_percent == 3.5);
    assert_true(p.free_bytes > 0 && p.free_bytes != UINT64_MAX);
}

static void a_system_that_tells_nothing_is_no_trouble(void **state)
{
    struct scratch *s = *state;
    const char *const folders[] = {"/nowhere", NULL};
    struct pressure p = {0};
    pressure_read(&p, s->root, folders);
    assert_limit(p, PRESSURE_NONE, "");
    assert_int_equal(p.free_bytes, UINT64_MAX);
    assert_true(p.stalled_percent < 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_containers_memory_counts_before_the_hosts),
        T(disk_and_queue_have_their_limits),
        T(what_is_not_known_does_not_limit),
        T(less_memory_is_less_work_at_once),
        T(the_tightest_group_is_found_and_what_is_cached_is_free),
        T(a_system_that_tells_nothing_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
