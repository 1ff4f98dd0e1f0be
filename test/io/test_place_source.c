/* test_place_source.c: what is copied from the claimed file is what was read of it, or nothing. */
#include <sys/stat.h>

#include "publish.h"

static void a_large_file_is_copied_from_where_it_was_claimed(void **state)
{
    struct scratch *s = *state;
    size_t len = 3 * 1024 * 1024 + 17;
    char *bytes = made_bytes(len);
    char *copied = NULL;
    uint8_t sha256[SHA256_SIZE];
    files_sha256(bytes, len, sha256);
    put_bytes(in(s, "claimed"), bytes, len);
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "to"));
    struct place place = place_at(path);
    struct place_item item = {
        .name = "big.bin", .client = "RANK", .source = in(s, "claimed"), .size = len, .sha256 = sha256};
    place.durable = true;
    publish(&place, &item);
    assert_published(&item, PLACED_NEW, "big.bin");
    size_t copied_len = 0;
    assert_int_equal(files_read(in(s, "to/big.bin"), len, &copied, &copied_len, NULL), 0);
    assert_int_equal(copied_len, len);
    assert_memory_equal(copied, bytes, len);
    assert_true(exists(in(s, "claimed")));
    mem_free(copied);
    free(bytes);
}

static void a_source_that_is_not_what_was_read_is_never_published(void **state)
{
    struct scratch *s = *state;
    uint8_t sha256[SHA256_SIZE];
    files_sha256("0123456789", 10, sha256);
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "to"));
    struct place place = place_at(path);
    struct place_item item = {.name = "x", .client = "RANK", .source = in(s, "claimed"), .size = 10, .sha256 = sha256};
    put(in(s, "claimed"), "01234"); /* shrunk */
    assert_int_equal(publish(&place, &item), ERR_CHANGED);
    put(in(s, "claimed"), "0123456789+"); /* grown */
    assert_int_equal(publish(&place, &item), ERR_CHANGED);
    item.sha256 = NULL;
    put(in(s, "claimed"), "01234"); /* also where only the size is known */
    assert_int_equal(publish(&place, &item), ERR_CHANGED);
    item.sha256 = sha256;
    put(in(s, "claimed"), "9876543210"); /* rewritten */
    assert_int_equal(publish(&place, &item), ERR_CHANGED);
    assert_int_equal(remove(in(s, "claimed")), 0);
    put(in(s, "real"), "0123456789");
    assert_int_equal(symlink("real", in(s, "claimed")), 0);
    assert_true(publish(&place, &item) < 0);
    assert_int_equal(remove(in(s, "claimed")), 0);
    assert_int_equal(mkfifo(in(s, "claimed"), 0600), 0);
    assert_int_equal(publish(&place, &item), ERR_CHANGED);
    assert_int_equal(entries(path), 0);
}

static void a_source_below_a_folder_that_became_a_link_is_not_read(void **state)
{
    struct scratch *s = *state;
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "to"));
    struct place place = place_at(path);
    struct place_item item = {.name = "x", .client = "RANK", .source = in(s, "RANK/x"), .size = 6};
    assert_int_equal(mkdir(in(s, "elsewhere"), 0755), 0);
    put(in(s, "elsewhere/x"), "secret");
    assert_int_equal(symlink("elsewhere", in(s, "RANK")), 0);
    assert_int_equal(publish(&place, &item), ERR_CHANGED);
    assert_int_equal(entries(path), 0);
    assert_int_equal(remove(in(s, "RANK")), 0);
    assert_int_equal(publish(&place, &item), ERR_GONE);
}

/* That is not the place's fault: nothing is held against it. */
static void a_source_that_cannot_be_read_is_told_from_a_place_that_fails(void **state)
{
    struct scratch *s = *state;
    char path[128], broken[64];
    snprintf(path, sizeof path, "%s", in(s, "to"));
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(chmod(path, 0777), 0);
    snprintf(broken, sizeof broken, "/proc/%d/mem", (int)getpid()); /* regular; its first byte is EIO */
    struct place place = place_at(path);
    struct place_item item = {.name = "x", .client = "RANK", .source = broken, .size = 6};
    assert_int_equal(publish(&place, &item), ERR_SOURCE);
    assert_int_equal(error_class_of(item.error.code), CLASS_RESOURCE);
    assert_int_equal(entries(path), 0);
    if (geteuid() != 0)
        return;
    item.source = in(s, "claimed");
    put(item.source, "secret");
    assert_int_equal(chmod(item.source, 0600), 0);
    assert_int_equal(chmod(s->root, 0755), 0);
    assert_int_equal(seteuid(65534), 0);
    int rc = publish(&place, &item);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, ERR_SOURCE);
    assert_non_null(strstr(item.error.text, "claimed"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_large_file_is_copied_from_where_it_was_claimed),
        TEST(a_source_that_is_not_what_was_read_is_never_published),
        TEST(a_source_below_a_folder_that_became_a_link_is_not_read),
        TEST(a_source_that_cannot_be_read_is_told_from_a_place_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
