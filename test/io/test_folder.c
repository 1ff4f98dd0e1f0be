#include "shunt/io/folder.h"

#include "scratch.h"

static void make_many(struct scratch *s, unsigned count)
{
    char name[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%05u.json", i);
        put(in(s, name), "");
    }
}

static void a_large_folder_is_listed_in_slices_each_name_once(void **state)
{
    struct scratch *s = *state;
    enum { COUNT = 5000, SLICE = 700 };
    static unsigned char seen[COUNT];
    struct folder_slice slice;
    unsigned slices = 0;
    memset(seen, 0, sizeof seen);
    make_many(s, COUNT);
    struct folder *folder = folder_open(s->root, NULL);
    assert_non_null(folder);
    folder_slice_init(&slice);
    do {
        assert_int_equal(folder_next(folder, &slice, SLICE, NULL), 0);
        assert_true(slice.count <= SLICE);
        const char *name = slice.names;
        for (size_t i = 0; i < slice.count; i++, name += strlen(name) + 1) {
            assert_int_equal(strlen(name), 10);
            seen[atoi(name)]++;
        }
        slices++;
    } while (!slice.end);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(seen[i], 1);
    assert_in_range(slices, COUNT / SLICE, COUNT / SLICE + 2);
    folder_slice_fini(&slice);
    folder_close(folder);
}

static int kind_in(const struct folder_slice *slice, const char *wanted)
{
    const char *name = slice->names;
    for (size_t i = 0; i < slice->count; i++, name += strlen(name) + 1) {
        if (strcmp(name, wanted) == 0)
            return slice->kinds[i];
    }
    return -1;
}

static void entries_come_with_what_they_are_and_without_dots(void **state)
{
    struct scratch *s = *state;
    char longest[256];
    struct folder_slice slice;
    memset(longest, 'n', 255);
    longest[255] = '\0';
    put(in(s, "file"), "");
    put(in(s, ".hidden"), "");
    put(in(s, longest), "");
    assert_int_equal(mkdir(in(s, "folder"), 0755), 0);
    assert_int_equal(symlink("file", in(s, "link")), 0);
    assert_int_equal(mkfifo(in(s, "fifo"), 0600), 0);
    struct folder *folder = folder_open(s->root, NULL);
    folder_slice_init(&slice);
    assert_int_equal(folder_next(folder, &slice, 100, NULL), 0);
    assert_true(slice.end);
    assert_int_equal(slice.count, 6);
    assert_int_equal(kind_in(&slice, "file"), ENTRY_FILE);
    assert_int_equal(kind_in(&slice, ".hidden"), ENTRY_FILE);
    assert_int_equal(kind_in(&slice, longest), ENTRY_FILE);
    assert_int_equal(kind_in(&slice, "folder"), ENTRY_FOLDER);
    assert_int_equal(kind_in(&slice, "link"), ENTRY_OTHER);
    assert_int_equal(kind_in(&slice, "fifo"), ENTRY_OTHER);
    folder_slice_fini(&slice);
    folder_close(folder);
}

static void an_empty_or_removed_folder_ends_at_once(void **state)
{
    struct scratch *s = *state;
    struct folder_slice slice;
    assert_int_equal(mkdir(in(s, "gone"), 0755), 0);
    struct folder *folder = folder_open(in(s, "gone"), NULL);
    assert_int_equal(rmdir(in(s, "gone")), 0);
    folder_slice_init(&slice);
    assert_int_equal(folder_next(folder, &slice, 10, NULL), 0);
    assert_true(slice.end);
    assert_int_equal(slice.count, 0);
    folder_slice_fini(&slice);
    folder_close(folder);
}

static void what_is_no_folder_is_refused(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    put(in(s, "file"), "");
    assert_int_equal(symlink("/", in(s, "link")), 0);
    assert_null(folder_open(in(s, "none"), &e));
    assert_int_equal(e.code, ERR_NOPLACE);
    error_clear(&e);
    assert_null(folder_open(in(s, "file"), &e));
    assert_int_equal(e.code, ERR_NOPLACE);
    error_clear(&e);
    assert_null(folder_open(in(s, "link"), &e));
    assert_int_equal(e.code, ERR_NOPLACE);
    folder_close(NULL);
}

static void a_want_of_memory_costs_no_name(void **state)
{
    struct scratch *s = *state;
    enum { COUNT = 3000 };
    make_many(s, COUNT);
    SCARCE_SWEEP (n) {
        struct folder_slice slice;
        struct error e = {0};
        size_t found = 0;
        int rc;
        scarce_begin(n, 2);
        struct folder *folder = folder_open(s->root, &e);
        if (!folder) {
            assert_true(scarce_end());
            assert_int_equal(e.code, ERR_NOMEM);
            continue;
        }
        folder_slice_init(&slice);
        do {
            rc = folder_next(folder, &slice, COUNT * 2, NULL);
            assert_true(rc == 0 || rc == ERR_NOMEM);
            found += rc == 0 ? slice.count : 0;
        } while (rc != 0 || !slice.end);
        scarce_end();
        assert_int_equal(found, COUNT);
        folder_slice_fini(&slice);
        folder_close(folder);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_large_folder_is_listed_in_slices_each_name_once),
        TEST(entries_come_with_what_they_are_and_without_dots),
        TEST(an_empty_or_removed_folder_ends_at_once),
        TEST(what_is_no_folder_is_refused),
        TEST(a_want_of_memory_costs_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
