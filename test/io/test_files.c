#include "shunt/io/files.h"

#include "old_kernel.h"

static void a_file_is_read_whole_and_ended_by_a_nul(void **state)
{
    struct scratch *s = *state;
    char *text = NULL;
    size_t len = 0;
    put_bytes(in(s, "a"), "ab\0cd", 5);
    assert_int_equal(files_read(in(s, "a"), 5, &text, &len, NULL), 0);
    assert_int_equal(len, 5);
    assert_memory_equal(text, "ab\0cd", 6);
    mem_free(text);
    put(in(s, "empty"), "");
    assert_int_equal(files_read(in(s, "empty"), 0, &text, &len, NULL), 0);
    assert_int_equal(len, 0);
    assert_string_equal(text, "");
    mem_free(text);
}

static void a_file_whose_size_is_not_told_is_read_whole(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(files_read("/proc/self/status", 1 << 20, &text, &len, NULL), 0);
    assert_non_null(strstr(text, "\nPid:"));
    mem_free(text);
    struct error e = {0};
    assert_int_equal(files_read("/proc/self/status", 10, &text, &len, &e), ERR_TOO_LARGE);
}

static void what_cannot_be_read_says_why(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(files_read(in(s, "none"), 100, &text, &len, &e), ERR_NOPLACE);
    assert_non_null(strstr(e.text, "none"));
    put(in(s, "six"), "123456");
    assert_int_equal(files_read(in(s, "six"), 5, &text, &len, NULL), ERR_TOO_LARGE);
    assert_int_equal(files_read(s->root, 100, &text, &len, NULL), ERR_NOT_OURS);
    assert_int_equal(mkfifo(in(s, "fifo"), 0600), 0);
    assert_int_equal(files_read(in(s, "fifo"), 100, &text, &len, NULL),
                     ERR_NOT_OURS); /* and does not wait for a writer */
    assert_null(text);
}

static void a_write_replaces_the_whole_file_and_leaves_nothing_beside_it(void **state)
{
    struct scratch *s = *state;
    mode_t before = umask(077);
    assert_int_equal(files_write(in(s, "x"), "a long first text", 17, 0644, NULL), 0);
    assert_int_equal(files_write(in(s, "x"), "short", 5, 0640, NULL), 0);
    umask(before);
    assert_file(in(s, "x"), "short");
    assert_int_equal(mode_of(in(s, "x")), 0640);
    assert_int_equal(entries(s->root), 1);
}

static void a_write_never_follows_a_link_at_its_name(void **state)
{
    struct scratch *s = *state;
    put(in(s, "victim"), "untouched");
    assert_int_equal(symlink(in(s, "victim"), in(s, "x")), 0);
    assert_int_equal(files_write(in(s, "x"), "new", 3, 0644, NULL), 0);
    assert_file(in(s, "x"), "new");
    assert_file(in(s, "victim"), "untouched");
}

static void a_write_that_fails_leaves_the_old_file(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    assert_int_equal(mkdir(in(s, "taken"), 0755), 0);
    put(in(s, "taken/inside"), "kept");
    assert_true(files_write(in(s, "taken"), "new", 3, 0644, &e) < 0); /* a folder has that name */
    assert_file(in(s, "taken/inside"), "kept");
    assert_int_equal(entries(s->root), 1);
    assert_int_equal(files_write(in(s, "missing/x"), "new", 3, 0644, NULL), ERR_NOPLACE);
}

static void a_write_into_a_held_folder_stays_there_when_its_path_becomes_a_link(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    assert_int_equal(mkdir(in(s, "folder"), 0755), 0);
    assert_int_equal(mkdir(in(s, "outside"), 0755), 0);
    int folder = files_open_folder(in(s, "folder"), &e);
    assert_true(folder >= 0);
    assert_int_equal(rename(in(s, "folder"), in(s, "moved")), 0);
    assert_int_equal(symlink("outside", in(s, "folder")), 0);
    assert_int_equal(files_write_at(folder, "f", "first", 5, 0640, &e), 0);
    assert_int_equal(files_write_at(folder, "f", "second", 6, 0640, &e), 0);
    assert_file(in(s, "moved/f"), "second");
    assert_int_equal(mode_of(in(s, "moved/f")), 0640);
    assert_int_equal(entries(in(s, "moved")), 1);
    assert_int_equal(entries(in(s, "outside")), 0);
    assert_int_equal(files_write_at(folder, "../outside/f", "x", 1, 0640, &e), ERR_BAD_NAME);
    close(folder);
}

struct renaming {
    const char *from, *to;
    int errnum;
};

static void rename_it(void *arg)
{
    struct renaming *r = arg;
    r->errnum = files_rename_new(AT_FDCWD, r->from, AT_FDCWD, r->to);
}

static void a_rename_never_replaces_whatever_the_file_system_can(void **state)
{
    struct scratch *s = *state;
    struct renaming r = {.from = in(s, "a"), .to = in(s, "b")};
    for (int kernel = 0; kernel < 3; kernel++) {
        put(in(s, "a"), "one");
        put(in(s, "b"), "two");
        for (int taken = 1; taken >= 0; taken--) {
            if (kernel < 2)
                on_old_kernel(kernel == 1, rename_it, &r);
            else
                rename_it(&r);
            assert_int_equal(r.errnum, taken ? EEXIST : 0);
            assert_int_equal(exists(r.from), taken);
            assert_file(r.to, taken ? "two" : "one");
            if (taken)
                assert_int_equal(remove(r.to), 0);
        }
        rename_it(&r);
        assert_int_equal(r.errnum, ENOENT);
    }
}

static void folders_are_made_with_their_parents_whatever_the_umask(void **state)
{
    struct scratch *s = *state;
    mode_t before = umask(077);
    assert_int_equal(files_mkdirs(in(s, "a/b//c/"), 0751, true, NULL), 0);
    assert_int_equal(files_mkdirs(in(s, "a/b/c"), 0700, false, NULL), 0);
    assert_int_equal(files_mkdirs(in(s, "d"), 0, false, NULL), 0);
    umask(before);
    assert_int_equal(mode_of(in(s, "a")), 0751);
    assert_int_equal(mode_of(in(s, "a/b/c")), 0751);
    assert_int_equal(mode_of(in(s, "d")), 0755);
    put(in(s, "file"), "");
    assert_int_equal(files_mkdirs(in(s, "file/below"), 0, false, NULL), ERR_NOPLACE);
    struct error e = {0};
    assert_int_equal(files_mkdirs("/proc/nowhere/at/all", 0, false, &e), ERR_NOPLACE);
    assert_int_equal(strncmp(e.text, "/proc/nowhere: cannot make folder nowhere: ", 43), 0);
    assert_int_equal(files_mkdirs("/proc/nowhere/at/all", 0, false, NULL), ERR_NOPLACE);
}

static void a_folder_below_is_opened_or_made_but_never_through_a_link(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    int root = files_open_folder(s->root, NULL);
    assert_true(root >= 0);
    assert_int_equal(files_open_below(root, "new", false, 0, false, NULL), ERR_NOPLACE);
    int fd = files_open_below(root, "new", true, 0700, true, NULL);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mode_of(in(s, "new")), 0700);
    assert_int_equal(symlink("/", in(s, "link")), 0);
    assert_int_equal(files_open_below(root, "link", true, 0700, false, &e), ERR_NOPLACE);
    assert_int_equal(files_open_below(root, "..", true, 0700, false, NULL), ERR_BAD_NAME);
    assert_int_equal(files_open_below(root, "new/../..", true, 0700, false, NULL), ERR_BAD_NAME);
    assert_int_equal(files_open_below(root, "", true, 0700, false, NULL), ERR_BAD_NAME);
    close(root);
    put(in(s, "file"), "");
    assert_int_equal(files_open_folder(in(s, "file"), NULL), ERR_NOPLACE);
    assert_int_equal(files_open_folder(in(s, "none"), NULL), ERR_NOPLACE);
}

static void a_mount_point_is_told_from_a_folder(void **state)
{
    struct scratch *s = *state;
    assert_true(files_is_mount("/"));
    assert_true(files_is_mount("/proc"));
    assert_false(files_is_mount(s->root));
    assert_false(files_is_mount(in(s, "none")));
}

static void the_hash_is_sha_256(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    files_sha256("abc", 3, hash);
    files_hex(hash, SHA256_SIZE, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    files_sha256("", 0, hash);
    files_hex(hash, 4, hex);
    assert_string_equal(hex, "e3b0c442");
}

static void assert_joined(const char *base, const char *path, const char *expected)
{
    char *joined = files_join(base, path);
    assert_string_equal(joined, expected);
    mem_free(joined);
}

static void joining_keeps_absolute_paths(void **state)
{
    (void)state;
    assert_joined("/data", "SYNC/MAKE/Monday Rank", "/data/SYNC/MAKE/Monday Rank");
    assert_joined("/data/", "x", "/data/x");
    assert_joined("/", "x", "/x");
    assert_joined("/data", "/elsewhere", "/elsewhere");
    assert_joined("", "x", "x");
    assert_joined("/data", ".", "/data");
    assert_joined("/data/.", "./a//b/./c.d/.e/", "/data/a/b/c.d/.e");
    assert_joined("/", ".", "/");
}

static void a_want_of_memory_is_told_and_leaves_no_descriptor(void **state)
{
    struct scratch *s = *state;
    size_t before = open_descriptors();
    put(in(s, "file"), "text");
    SCARCE_SWEEP (n) {
        struct error e = {0};
        char *text = NULL, *smaps = NULL;
        size_t len;
        put(in(s, "out"), "old");
        scarce_begin(n, 1);
        int read = files_read(in(s, "file"), 100, &text, &len, &e);
        int mapped = files_read("/proc/self/smaps", 1 << 24, &smaps, &len, NULL);
        int written = files_write(in(s, "out"), "x", 1, 0644, NULL);
        int made = files_mkdirs(in(s, "p/q"), 0, true, NULL);
        char *joined = files_join("/a", "b");
        bool hit = scarce_end();
        const int codes[] = {read, mapped, written, made, joined ? 0 : ERR_NOMEM};
        size_t failed = 0;
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            assert_true(codes[i] == 0 || codes[i] == ERR_NOMEM);
            failed += codes[i] != 0;
        }
        assert_int_equal(failed, hit);
        assert_int_equal(e.code, read);
        assert_file(in(s, "out"), written == 0 ? "x" : "old");
        assert_int_equal(exists(in(s, "p/q")), made == 0);
        mem_free(text);
        mem_free(smaps);
        mem_free(joined);
        rmdir(in(s, "p/q"));
        rmdir(in(s, "p"));
        assert_int_equal(entries(s->root), 2);
    }
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_whole_and_ended_by_a_nul),
        TEST(a_file_whose_size_is_not_told_is_read_whole),
        TEST(what_cannot_be_read_says_why),
        TEST(a_write_replaces_the_whole_file_and_leaves_nothing_beside_it),
        TEST(a_write_never_follows_a_link_at_its_name),
        TEST(a_write_that_fails_leaves_the_old_file),
        TEST(a_write_into_a_held_folder_stays_there_when_its_path_becomes_a_link),
        TEST(a_rename_never_replaces_whatever_the_file_system_can),
        TEST(folders_are_made_with_their_parents_whatever_the_umask),
        TEST(a_folder_below_is_opened_or_made_but_never_through_a_link),
        TEST(a_mount_point_is_told_from_a_folder),
        TEST(the_hash_is_sha_256),
        TEST(joining_keeps_absolute_paths),
        TEST(a_want_of_memory_is_told_and_leaves_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
