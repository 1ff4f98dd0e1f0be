#include "publish.h"

/* Two folders: on one file system, or on two. */
struct way {
    struct scratch *from, *to;
    int from_fd, to_fd;
    bool across;
};

static struct way way_open(void **from, void **to)
{
    struct stat a, b;
    struct way way = {.from = *from, .to = *to};
    way.from_fd = files_open_folder(way.from->root, NULL);
    way.to_fd = files_open_folder(way.to->root, NULL);
    assert_true(way.from_fd >= 0 && way.to_fd >= 0);
    assert_int_equal(fstat(way.from_fd, &a), 0);
    assert_int_equal(fstat(way.to_fd, &b), 0);
    way.across = a.st_dev != b.st_dev;
    return way;
}

static void on_ways(void (*test)(const struct way *way))
{
    static const char *const targets[] = {"/tmp/shunt-test-XXXXXX", "/dev/shm/shunt-test-XXXXXX"};
    for (size_t i = 0; i < 2; i++) {
        void *from = NULL, *to = NULL;
        size_t before = open_descriptors();
        assert_int_equal(scratch_setup(&from), 0);
        assert_int_equal(scratch_setup_at(&to, targets[i]), 0);
        struct way way = way_open(&from, &to);
        if (i == 1 && !way.across)
            print_message("/tmp and /dev/shm are one file system: not tested across\n");
        test(&way);
        close(way.from_fd);
        close(way.to_fd);
        assert_int_equal(open_descriptors(), before);
        scratch_teardown(&from);
        scratch_teardown(&to);
    }
}

static void moved_whole(const struct way *way)
{
    struct stat st;
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000000000, .tv_nsec = 500}};
    put(in(way->from, "x"), "the whole content");
    assert_int_equal(chmod(in(way->from, "x"), 0640), 0);
    assert_int_equal(utimensat(AT_FDCWD, in(way->from, "x"), times, 0), 0);
    assert_int_equal(place_move(way->from_fd, "x", way->to_fd, "20260206_x", true, NULL), 0);
    assert_file(in(way->to, "20260206_x"), "the whole content");
    assert_int_equal(mode_of(in(way->to, "20260206_x")), 0640);
    assert_int_equal(stat(in(way->to, "20260206_x"), &st), 0);
    assert_int_equal(st.st_mtim.tv_sec, 1000000000);
    assert_int_equal(entries(way->from->root), 0);
    assert_int_equal(entries(way->to->root), 1);
}

static void moved_apart(const struct way *way)
{
    put(in(way->from, "x"), "as archived");
    assert_int_equal(link(in(way->from, "x"), in(way->from, "archived")), 0);
    assert_int_equal(place_move(way->from_fd, "x", way->to_fd, "20260206_x", false, NULL), 0);
    put(in(way->to, "20260206_x"), "as somebody mended it");
    assert_file(in(way->from, "archived"), "as archived");
    assert_int_equal(entries(way->from->root), 1);
    assert_int_equal(entries(way->to->root), 1);
}

static void what_is_done_to_a_moved_file_does_not_reach_its_other_names(void **state)
{
    (void)state;
    on_ways(moved_apart);
}

static void a_file_is_moved_whole_with_its_mode_and_time(void **state)
{
    (void)state;
    on_ways(moved_whole);
}

static void not_over_another(const struct way *way)
{
    put(in(way->from, "x"), "new bytes");
    put(in(way->to, "x"), "old bytes");
    assert_int_equal(place_move(way->from_fd, "x", way->to_fd, "x", true, NULL), ERR_BUSY);
    assert_file(in(way->from, "x"), "new bytes");
    assert_file(in(way->to, "x"), "old bytes");
    assert_int_equal(mkdir(in(way->to, "folder"), 0755), 0);
    assert_int_equal(place_move(way->from_fd, "x", way->to_fd, "folder", true, NULL), ERR_BUSY);
    assert_int_equal(symlink("x", in(way->to, "link")), 0);
    assert_int_equal(place_move(way->from_fd, "x", way->to_fd, "link", true, NULL), ERR_BUSY);
    assert_int_equal(entries(way->from->root), 1);
    assert_int_equal(entries(way->to->root), 3);
}

static void a_name_that_is_taken_is_never_overwritten(void **state)
{
    (void)state;
    on_ways(not_over_another);
}

static void done_before(const struct way *way)
{
    put(in(way->from, "x"), "same bytes");
    put(in(way->to, "x"), "same bytes");
    assert_int_equal(place_move(way->from_fd, "x", way->to_fd, "x", true, NULL), 0);
    assert_int_equal(entries(way->from->root), 0);
    assert_file(in(way->to, "x"), "same bytes");
    assert_int_equal(entries(way->to->root), 1);
}

static void a_move_that_a_crash_cut_short_is_finished(void **state)
{
    (void)state;
    on_ways(done_before);
}

static void gone(const struct way *way)
{
    struct error e = {0};
    assert_int_equal(place_move(way->from_fd, "none", way->to_fd, "x", true, &e), ERR_GONE);
    assert_int_equal(e.code, ERR_GONE);
    assert_int_equal(entries(way->to->root), 0);
}

static void what_another_took_is_gone(void **state)
{
    (void)state;
    on_ways(gone);
}

static void no_link_copied(const struct way *way)
{
    if (!way->across)
        return;
    put(in(way->from, "secret"), "not to be copied");
    assert_int_equal(symlink("secret", in(way->from, "link")), 0);
    assert_int_equal(place_move(way->from_fd, "link", way->to_fd, "x", true, NULL), ERR_NOT_OURS);
    assert_int_equal(mkfifo(in(way->from, "fifo"), 0600), 0);
    assert_int_equal(place_move(way->from_fd, "fifo", way->to_fd, "x", true, NULL), ERR_NOT_OURS);
    assert_int_equal(entries(way->to->root), 0);
    assert_int_equal(entries(way->from->root), 3);
}

static void nothing_is_copied_through_a_link(void **state)
{
    (void)state;
    on_ways(no_link_copied);
}

static void out_of_memory(const struct way *way)
{
    bool needed = false;
    SCARCE_SWEEP (n) {
        put(in(way->from, "x"), "bytes");
        scarce_begin(n, 1);
        int rc = place_move(way->from_fd, "x", way->to_fd, "x", false, NULL);
        bool hit = scarce_end();
        needed = needed || hit;
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        assert_int_equal(exists(in(way->from, "x")), rc != 0);
        assert_int_equal(entries(way->to->root), rc == 0);
        remove(in(way->to, "x"));
        if (!way->across)
            break;
    }
    assert_int_equal(needed, way->across);
}

static void a_want_of_memory_leaves_the_original(void **state)
{
    (void)state;
    on_ways(out_of_memory);
}

static void large(const struct way *way)
{
    size_t len = 2 * 1024 * 1024 + 3;
    char *bytes = malloc(len);
    char *copied = NULL;
    size_t copied_len = 0;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 31 + i / 977);
    put_bytes(in(way->from, "x"), bytes, len);
    assert_int_equal(place_move(way->from_fd, "x", way->to_fd, "x", false, NULL), 0);
    assert_int_equal(files_read(in(way->to, "x"), len, &copied, &copied_len, NULL), 0);
    assert_int_equal(copied_len, len);
    assert_memory_equal(copied, bytes, len);
    mem_free(copied);
    free(bytes);
}

static void a_large_file_arrives_byte_for_byte(void **state)
{
    (void)state;
    on_ways(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_moved_whole_with_its_mode_and_time),
        cmocka_unit_test(what_is_done_to_a_moved_file_does_not_reach_its_other_names),
        cmocka_unit_test(a_name_that_is_taken_is_never_overwritten),
        cmocka_unit_test(a_move_that_a_crash_cut_short_is_finished),
        cmocka_unit_test(what_another_took_is_gone),
        cmocka_unit_test(nothing_is_copied_through_a_link),
        cmocka_unit_test(a_want_of_memory_leaves_the_original),
        cmocka_unit_test(a_large_file_arrives_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
