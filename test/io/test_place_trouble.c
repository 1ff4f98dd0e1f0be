/* test_place_trouble.c: a bad item, a full disk, want of descriptors or memory: what fails, and that nothing else does. */
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "publish.h"

static void one_bad_item_does_not_harm_the_others(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(symlink("/tmp", in(s, "LINK")), 0);
    put(in(s, "PLAIN"), "a file");
    for (int durable = 0; durable < 2; durable++) {
        struct place place = place_at(s->root);
        place.durable = durable;
        struct place_item items[] = {
            item_of("first.json", "RANK", "1"),     item_of("../up.json", "RANK", "bad"),
            item_of(".hidden.json", "RANK", "bad"), item_of("new\nline.json", "RANK", "bad"),
            item_of("linked.json", "RANK", "bad"),  item_of("above.json", "RANK", "bad"),
            item_of("plain.json", "RANK", "bad"),   item_of("gone.json", "RANK", ""),
            item_of("last.json", "RANK", "2"),
        };
        items[4].subfolder = "LINK";
        items[5].subfolder = "..";
        items[6].subfolder = "PLAIN";
        items[7].bytes = NULL;
        items[7].source = in(s, "no such file");
        place_publish(&place, items, 9);
        assert_int_equal(items[0].error.code, 0);
        assert_int_equal(items[1].error.code, ERR_BAD_NAME);
        assert_int_equal(items[2].error.code, ERR_BAD_NAME);
        assert_int_equal(items[3].error.code, ERR_BAD_NAME);
        assert_int_equal(items[4].error.code, ERR_NOPLACE);
        assert_int_equal(items[5].error.code, ERR_BAD_NAME);
        assert_int_equal(items[6].error.code, ERR_NOPLACE);
        assert_int_equal(items[7].error.code, ERR_GONE);
        assert_int_equal(items[8].error.code, 0);
        assert_non_null(strstr(items[4].error.text, "LINK/linked.json"));
        assert_file(in(s, "first.json"), "1");
        assert_file(in(s, "last.json"), "2");
        assert_int_equal(entries(s->root), 4);
        assert_false(exists("/tmp/linked.json"));
    }
}

static int unmount_and_teardown(void **state)
{
    struct scratch *s = *state;
    umount2(s->root, MNT_DETACH); /* where the test failed in between */
    return scratch_teardown(state);
}

static void a_full_disk_fails_only_what_does_not_fit(void **state)
{
    struct scratch *s = *state;
    if (mount("tmpfs", s->root, "tmpfs", 0, "size=64k,nr_inodes=6") != 0) {
        print_message("skipped: cannot mount a small tmpfs: %s\n", strerror(errno));
        skip();
    }
    struct place place = place_at(s->root);
    struct error e = {0};
    char *large = made_bytes(100000);
    char *middle = made_bytes(30000);
    place.durable = true;
    struct place_item items[] = {item_of("a", "RANK", middle), item_of("b", "RANK", large),
                                 item_of("c", "RANK", "small")};
    place_publish(&place, items, 3);
    assert_published(&items[0], PLACED_NEW, "a");
    assert_int_equal(items[1].error.code, ERR_NOSPACE);
    assert_published(&items[2], PLACED_NEW, "c");
    assert_int_equal(entries(s->root), 2);
    assert_int_equal(place_probe(&place, NULL), 0);

    put(in(s, "filler1"), "");
    put(in(s, "filler2"), "");
    put(in(s, "filler3"), ""); /* no inode is left */
    struct place_item late = item_of("d", "RANK", "small");
    assert_int_equal(publish(&place, &late), ERR_NOSPACE);
    assert_int_equal(place_probe(&place, &e), ERR_NOSPACE);
    assert_int_equal(remove(in(s, "filler1")), 0);
    assert_int_equal(publish(&place, &late), 0); /* goes on by itself */
    assert_file(in(s, "d"), "small");

    assert_int_equal(remove(in(s, "filler2")), 0);
    struct place_item full = item_of("e", "RANK", large); /* bytes that do not fit leave no part */
    assert_int_equal(publish(&place, &full), ERR_NOSPACE);
    assert_int_equal(entries(s->root), 4);
    free(large);
    free(middle);
    assert_int_equal(umount(s->root), 0);
}

static void a_probe_tells_whether_files_can_be_made_and_leaves_none(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    struct place place = place_at(s->root);
    place.durable = true;
    assert_int_equal(place_probe(&place, &e), 0);
    assert_int_equal(entries(s->root), 0);
    put(in(s, "file"), "");
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "file"));
    place.path = path;
    assert_int_equal(place_probe(&place, &e), ERR_NOPLACE);
    assert_non_null(strstr(e.text, path));
    if (geteuid() != 0)
        return;
    place.path = s->root;
    assert_int_equal(chmod(s->root, 0555), 0);
    assert_int_equal(seteuid(65534), 0);
    int rc = place_probe(&place, NULL);
    struct place_item item = item_of("x", "RANK", "text");
    int published = publish(&place, &item);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, ERR_ACCESS);
    assert_int_equal(published, ERR_ACCESS);
}

static void a_file_goes_to_the_owner_it_is_for(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    struct place_item item = item_of("x", "RANK", "text");
    struct stat st;
    place.mode = 02640;
    place.gid = geteuid() == 0 ? 12345 : (long)getegid();
    publish(&place, &item);
    assert_published(&item, PLACED_NEW, "x");
    assert_int_equal(stat(in(s, "x"), &st), 0);
    assert_int_equal(st.st_uid, geteuid());
    assert_int_equal(st.st_gid, place.gid);
    assert_int_equal(st.st_mode & 07777, 02640);
}

static void a_want_of_descriptors_is_told_as_such(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    struct place_item item = item_of("x", "RANK", "text");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = open("/dev/null", O_RDONLY);
    close(lowest);
    /* Enough for the folder, not for the file. */
    struct rlimit few = {.rlim_cur = (rlim_t)lowest + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int rc = publish(&place, &item);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, ERR_NOFILES);
    assert_int_equal(entries(s->root), 0);
}

static void a_want_of_memory_leaves_the_old_or_the_new_and_no_rest(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    char old[256], new[256];
    snprintf(old, sizeof old, "%s", ticket_of("RANK", "old"));
    snprintf(new, sizeof new, "%s", ticket_of("RANK", "new"));
    put(in(s, "claimed"), "copied");
    SCARCE_SWEEP (n) {
        size_t failures = 0;
        put(in(s, "x.json"), old);
        struct place_item items[] = {item_of("x.json", "RANK", new), item_of("copy", "RANK", "")};
        items[1].bytes = NULL;
        items[1].source = in(s, "claimed");
        items[1].size = 6;
        scarce_begin(n, 1);
        place_publish(&place, items, 2);
        bool hit = scarce_end();
        for (size_t i = 0; i < 2; i++) {
            assert_true(items[i].error.code == 0 || items[i].error.code == ERR_NOMEM);
            failures += items[i].error.code != 0;
        }
        assert_file(in(s, "x.json"), items[0].error.code == 0 ? new : old);
        assert_int_equal(exists(in(s, "copy")), items[1].error.code == 0);
        assert_int_equal(failures > 0, hit);
        remove(in(s, "copy"));
        assert_int_equal(entries(s->root), 2);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_bad_item_does_not_harm_the_others),
        cmocka_unit_test_setup_teardown(a_full_disk_fails_only_what_does_not_fit, scratch_setup, unmount_and_teardown),
        TEST(a_probe_tells_whether_files_can_be_made_and_leaves_none),
        TEST(a_file_goes_to_the_owner_it_is_for),
        TEST(a_want_of_descriptors_is_told_as_such),
        TEST(a_want_of_memory_leaves_the_old_or_the_new_and_no_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
