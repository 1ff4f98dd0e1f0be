/* test_instance.c: numbers, locks held by other processes, and what the dead leave behind. */
#include <sys/wait.h>

#include "../io/old_kernel.h"
#include "parts.h"

/* Another process that holds a number until it is told to go. */
struct other {
    pid_t pid;
    int go;
    unsigned number;
};

static struct other other_start(const char *underprocess)
{
    int ready[2], go[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    struct other o = {.pid = fork()};
    assert_true(o.pid >= 0);
    if (o.pid == 0) {
        struct instance in;
        struct error e = {0};
        char end;
        close(go[1]);
        unsigned char number = instance_open(&in, underprocess, 0755, &e) == 0 ? (unsigned char)in.number : 255;
        if (write(ready[1], &number, 1) == 1 && read(go[0], &end, 1) >= 0)
            _exit(0);
        _exit(1);
    }
    unsigned char number;
    assert_int_equal(read(ready[0], &number, 1), 1);
    o.number = number;
    o.go = go[1];
    close(ready[0]);
    close(ready[1]);
    close(go[0]);
    return o;
}

static void other_end(struct other *o)
{
    close(o->go);
    waitpid(o->pid, NULL, 0);
}

static struct instance open_one(const char *underprocess)
{
    struct instance in;
    struct error e = {0};
    if (instance_open(&in, underprocess, 0755, &e) != 0)
        fail_msg("%s", e.text);
    return in;
}

static void a_single_instance_always_gets_the_same_number(void **state)
{
    struct scratch *s = *state;
    make_folder(s, "under");
    for (int i = 0; i < 2; i++) {
        struct instance one = open_one(in(s, "under"));
        assert_int_equal(one.number, 0);
        assert_true(one.locked);
        assert_string_equal(one.path, in(s, "under/0"));
        assert_true(exists(one.path));
        instance_close(&one);
    }
}

static void a_number_that_another_process_holds_is_passed_over(void **state)
{
    struct scratch *s = *state;
    make_folder(s, "under");
    struct other o = other_start(in(s, "under"));
    assert_int_equal(o.number, 0);
    struct instance one = open_one(in(s, "under"));
    assert_int_equal(one.number, 1);
    instance_close(&one);
    other_end(&o);
    one = open_one(in(s, "under"));
    assert_int_equal(one.number, 0);
    instance_close(&one);
}

static void an_instance_is_alive_as_long_as_its_process_is(void **state)
{
    struct scratch *s = *state;
    assert_false(instance_alive(in(s, "under"), 0));
    make_folder(s, "under");
    assert_false(instance_alive(in(s, "under"), 0));
    struct other o = other_start(in(s, "under"));
    assert_true(instance_alive(in(s, "under"), 0));
    kill(o.pid, SIGKILL);
    other_end(&o);
    assert_false(instance_alive(in(s, "under"), 0));
}

static void files_of_a_dead_instance_are_adopted_those_of_a_living_one_are_not(void **state)
{
    struct scratch *s = *state;
    make_folder(s, "under/7/RANK");
    make_folder(s, "under/7/BAYER");
    put(in(s, "under/7/root.json"), "root");
    put(in(s, "under/7/RANK/a.json"), "a");
    put(in(s, "under/7/RANK/b.json"), "b");
    put(in(s, "under/7/BAYER/a.json"), "bayer");
    struct other o = other_start(in(s, "under"));
    make_folder(s, "under/0/RANK");
    put(in(s, "under/0/RANK/living.json"), "living");
    struct instance one = open_one(in(s, "under"));
    uint64_t numbers;
    assert_int_equal(instance_adopt(&one, &numbers), 4);
    assert_int_equal(numbers, 1U << 7);
    assert_file(in(s, "under/1/root.json"), "root");
    assert_file(in(s, "under/1/RANK/a.json"), "a");
    assert_file(in(s, "under/1/RANK/b.json"), "b");
    assert_file(in(s, "under/1/BAYER/a.json"), "bayer");
    assert_file(in(s, "under/0/RANK/living.json"), "living");
    assert_int_equal(instance_adopt(&one, &numbers), 0);
    assert_int_equal(numbers, 0);
    other_end(&o);
    assert_int_equal(instance_adopt(&one, &numbers), 1);
    assert_file(in(s, "under/1/RANK/living.json"), "living");
    instance_close(&one);
}

static void what_is_adopted_never_replaces_what_we_have(void **state)
{
    struct scratch *s = *state;
    make_folder(s, "under/0/RANK");
    make_folder(s, "under/3/RANK");
    put(in(s, "under/0/RANK/a.json"), "ours");
    put(in(s, "under/3/RANK/a.json"), "theirs");
    struct instance one = open_one(in(s, "under"));
    uint64_t numbers;
    assert_int_equal(instance_adopt(&one, &numbers), 0);
    assert_file(in(s, "under/0/RANK/a.json"), "ours");
    assert_file(in(s, "under/3/RANK/a.json"), "theirs");
    unlink(in(s, "under/0/RANK/a.json"));
    assert_int_equal(instance_adopt(&one, &numbers), 1);
    assert_file(in(s, "under/0/RANK/a.json"), "theirs");
    instance_close(&one);
}

static void adopt_all(void *arg)
{
    uint64_t numbers;
    instance_adopt(arg, &numbers);
}

static void files_are_adopted_on_every_file_system(void **state)
{
    struct scratch *s = *state;
    for (int links = 0; links < 2; links++) {
        make_folder(s, "under/7/RANK");
        put(in(s, "under/7/RANK/a.json"), "a");
        put(in(s, "under/7/RANK/b.json"), "theirs");
        make_folder(s, "under/0/RANK");
        put(in(s, "under/0/RANK/b.json"), "ours");
        struct instance one = open_one(in(s, "under"));
        on_old_kernel(links, adopt_all, &one);
        assert_file(in(s, "under/0/RANK/a.json"), "a");
        assert_file(in(s, "under/0/RANK/b.json"), "ours");
        assert_false(exists(in(s, "under/7/RANK/a.json")));
        assert_file(in(s, "under/7/RANK/b.json"), "theirs");
        instance_close(&one);
        assert_int_equal(remove(in(s, "under/0/RANK/a.json")), 0);
    }
}

static void adopting_leaves_the_number_free_for_the_next_instance(void **state)
{
    struct scratch *s = *state;
    make_folder(s, "under/1/RANK");
    put(in(s, "under/1/RANK/a.json"), "a");
    struct instance one = open_one(in(s, "under"));
    uint64_t numbers;
    size_t before = open_descriptors();
    instance_adopt(&one, &numbers);
    assert_int_equal(open_descriptors(), before);
    struct other o = other_start(in(s, "under"));
    assert_int_equal(o.number, 1);
    other_end(&o);
    instance_close(&one);
}

static void an_underprocess_that_cannot_be_made_is_told(void **state)
{
    struct scratch *s = *state;
    struct instance one;
    struct error e = {0};
    put(in(s, "file"), "");
    assert_int_equal(instance_open(&one, in(s, "file/under"), 0755, &e), ERR_NOPLACE);
    assert_non_null(strstr(e.text, "file"));
    assert_int_equal(one.fd, -1);
}

static void no_memory_is_told_and_holds_nothing(void **state)
{
    struct scratch *s = *state;
    make_folder(s, "under");
    SCARCE_SWEEP (n) {
        struct instance one;
        struct error e = {0};
        size_t before = open_descriptors();
        scarce_begin(n, 1);
        int rc = instance_open(&one, in(s, "under"), 0755, &e);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        assert_int_equal(rc, e.code);
        if (rc == 0) {
            assert_int_equal(one.number, 0);
            instance_close(&one);
        }
        assert_int_equal(open_descriptors(), before);
    }
}

static void what_no_memory_kept_from_being_taken_over_is_taken_over_later(void **state)
{
    struct scratch *s = *state;
    struct instance one = open_one(in(s, "under"));
    SCARCE_SWEEP (n) {
        uint64_t first, second;
        make_folder(s, "under/5/RANK");
        put(in(s, "under/5/RANK/a.json"), "a");
        put(in(s, "under/5/b.json"), "b");
        scarce_begin(n, 1);
        size_t moved = instance_adopt(&one, &first);
        scarce_end();
        moved += instance_adopt(&one, &second);
        assert_int_equal(moved, 2);
        assert_int_equal(first ^ second, 1u << 5);
        assert_file(in(s, "under/0/RANK/a.json"), "a");
        assert_file(in(s, "under/0/b.json"), "b");
        assert_int_equal(unlink(in(s, "under/0/RANK/a.json")), 0);
        assert_int_equal(unlink(in(s, "under/0/b.json")), 0);
    }
    instance_close(&one);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_single_instance_always_gets_the_same_number),
        T(a_number_that_another_process_holds_is_passed_over),
        T(an_instance_is_alive_as_long_as_its_process_is),
        T(files_of_a_dead_instance_are_adopted_those_of_a_living_one_are_not),
        T(what_is_adopted_never_replaces_what_we_have),
        T(files_are_adopted_on_every_file_system),
        T(adopting_leaves_the_number_free_for_the_next_instance),
        T(an_underprocess_that_cannot_be_made_is_told),
        T(no_memory_is_told_and_holds_nothing),
        T(what_no_memory_kept_from_being_taken_over_is_taken_over_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
