#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "publish.h"

static void a_new_file_has_its_bytes_its_mode_and_nothing_beside_it(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    struct place_item item = item_of("x.json", "RANK", ticket_of("RANK", "one"));
    size_t before = open_descriptors();
    mode_t mask = umask(077);
    place.mode = 0664;
    place.durable = true;
    publish(&place, &item);
    umask(mask);
    assert_published(&item, PLACED_NEW, "x.json");
    assert_file(in(s, "x.json"), item.bytes);
    assert_int_equal(mode_of(in(s, "x.json")), 0664);
    assert_int_equal(entries(s->root), 1);
    assert_int_equal(open_descriptors(), before);
}

static void a_folder_is_made_only_where_that_is_wanted(void **state)
{
    struct scratch *s = *state;
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "a/b"));
    struct place place = place_at(path);
    struct place_item item = item_of("x.json", "RANK", "text");
    place.create = false;
    assert_int_equal(publish(&place, &item), ERR_NOPLACE);
    assert_false(exists(in(s, "a")));
    place.create = true;
    place.folder_mode = 0711;
    mode_t mask = umask(077);
    publish(&place, &item);
    umask(mask);
    assert_published(&item, PLACED_NEW, "x.json");
    assert_int_equal(mode_of(in(s, "a/b")), 0711);
    assert_file(in(s, "a/b/x.json"), "text");
}

static void a_place_waits_for_its_mount(void **state)
{
    struct scratch *s = *state;
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "below"));
    struct place place = place_at(path);
    struct place_item item = item_of("x.json", "RANK", "text");
    place.mount = s->root; /* a folder, no mount */
    struct error e = {0};
    assert_int_equal(publish(&place, &item), ERR_NOPLACE);
    assert_int_equal(place_probe(&place, &e), ERR_NOPLACE);
    assert_non_null(strstr(e.text, "is not mounted"));
    assert_int_equal(entries(s->root), 0);
    place.mount = "/proc";
    publish(&place, &item);
    assert_published(&item, PLACED_NEW, "x.json");
}

/* More items than one flush holds, more client folders than are held open. */
static void a_large_batch_reaches_every_client_folder(void **state)
{
    struct scratch *s = *state;
    enum { COUNT = 700, CLIENTS = 150 };
    static struct place_item items[COUNT];
    static char names[COUNT][16], clients[CLIENTS][16];
    char path[64];
    struct place place = place_at(s->root);
    size_t before = open_descriptors();
    place.durable = true;
    for (size_t i = 0; i < CLIENTS; i++)
        snprintf(clients[i], sizeof clients[0], "C%zu", i);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[0], "%zu.json", i);
        items[i] = item_of(names[i], clients[i % CLIENTS], names[i]);
        items[i].subfolder = clients[i % CLIENTS];
    }
    place_publish(&place, items, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_published(&items[i], PLACED_NEW, names[i]);
        snprintf(path, sizeof path, "%s/%s", clients[i % CLIENTS], names[i]);
        assert_file(in(s, path), names[i]);
    }
    assert_int_equal(entries(s->root), CLIENTS);
    assert_int_equal(entries(in(s, "C0")), COUNT / CLIENTS + 1);
    assert_int_equal(open_descriptors(), before);
}

static void a_large_batch_needs_few_descriptors(void **state)
{
    struct scratch *s = *state;
    enum { COUNT = 100 };
    static struct place_item items[COUNT];
    static char names[COUNT][16];
    struct place place = place_at(s->root);
    struct rlimit before;
    place.durable = true;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[0], "%zu.json", i);
        items[i] = item_of(names[i], "RANK", names[i]);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = open("/dev/null", O_RDONLY);
    close(lowest);
    struct rlimit few = {.rlim_cur = (rlim_t)lowest + 6, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    place_publish(&place, items, COUNT);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < COUNT; i++)
        assert_published(&items[i], PLACED_NEW, names[i]);
}

static void a_name_that_is_twice_in_a_batch_ends_with_the_last(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    struct place_item items[] = {
        item_of("x.json", "RANK", ticket_of("RANK", "one")),
        item_of("y.json", "RANK", ticket_of("RANK", "other")),
        item_of("x.json", "RANK", ticket_of("RANK", "two")),
    };
    place_publish(&place, items, 3);
    assert_published(&items[0], PLACED_NEW, "x.json");
    assert_published(&items[1], PLACED_NEW, "y.json");
    assert_published(&items[2], PLACED_REPLACED, "x.json");
    assert_file(in(s, "x.json"), items[2].bytes);
    assert_int_equal(entries(s->root), 2);
}

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

static char *made_bytes(size_t len)
{
    char *bytes = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (i * 7 + i / 251) % 26);
    bytes[len] = '\0';
    return bytes;
}

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

/* Reads a file all the time, and counts what is not one of the two whole contents. */
struct observer {
    pthread_t thread;
    const char *path;
    size_t len;
    bool stop;
    size_t reads, torn, missing;
};

static void *observe(void *arg)
{
    struct observer *o = arg;
    char *bytes = malloc(o->len + 2);
    while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE)) {
        int fd = open(o->path, O_RDONLY);
        if (fd < 0) {
            o->missing++;
            continue;
        }
        size_t used = 0;
        for (ssize_t n; (n = read(fd, bytes + used, o->len + 2 - used)) > 0;)
            used += (size_t)n;
        close(fd);
        bool whole = used == o->len;
        for (size_t i = 1; whole && i < used; i++)
            whole = bytes[i] == bytes[0];
        o->torn += !whole;
        __atomic_fetch_add(&o->reads, 1, __ATOMIC_RELEASE);
    }
    free(bytes);
    return NULL;
}

static void a_reader_never_sees_half_a_file_nor_none(void **state)
{
    struct scratch *s = *state;
    enum { LEN = 300000, ROUNDS = 200 };
    char *contents[2];
    struct place place = place_at(s->root);
    for (int i = 0; i < 2; i++) {
        contents[i] = malloc(LEN + 1);
        memset(contents[i], 'A' + i, LEN);
        contents[i][LEN] = '\0';
    }
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "x"));
    put_bytes(path, contents[0], LEN);
    place.conflict = CONFLICT_VERSIONS;
    struct observer o = {.path = path, .len = LEN};
    assert_int_equal(pthread_create(&o.thread, NULL, observe, &o), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct place_item item = item_of("x", "RANK", contents[(i + 1) % 2]);
        publish(&place, &item);
        assert_published(&item, PLACED_REPLACED, "x");
    }
    while (__atomic_load_n(&o.reads, __ATOMIC_ACQUIRE) < 10)
        sched_yield();
    __atomic_store_n(&o.stop, true, __ATOMIC_RELEASE);
    pthread_join(o.thread, NULL);
    assert_int_equal(o.torn, 0);
    assert_int_equal(o.missing, 0);
    assert_int_equal(entries(s->root), 2); /* the plain name and one older version */
    free(contents[0]);
    free(contents[1]);
}

/* The same for a ticket that its own client replaces. */
static void a_replaced_ticket_is_always_there_whole(void **state)
{
    struct scratch *s = *state;
    enum { FILLER = 200000 };
    struct place place = place_at(s->root);
    char *text = malloc(FILLER + 512);
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "x.json"));
    stpcpy(text, ticket_of("RANK", "first"));
    size_t head = strlen(text);
    memset(text + head, ' ', FILLER);
    text[head + FILLER] = '\0';
    put(path, text);
    for (int i = 0; i < 200; i++) {
        struct place_item item = item_of("x.json", "RANK", text);
        text[head + (size_t)i] = '\n';
        publish(&place, &item);
        assert_published(&item, PLACED_REPLACED, "x.json");
        assert_int_equal(entries(s->root), 1);
    }
    free(text);
}

/* A process that publishes a huge file and is killed as soon as its temporary is there. */
static void crash_in(struct scratch *s, const struct place *place)
{
    int fd = open(in(s, "huge"), O_WRONLY | O_CREAT, 0644);
    assert_int_equal(ftruncate(fd, (off_t)8 << 30), 0); /* sparse */
    close(fd);
    struct place_item item = {.name = "x", .client = "RANK", .source = in(s, "huge"), .size = (uint64_t)8 << 30};
    pid_t child = fork();
    if (child == 0) {
        publish(place, &item);
        _exit(0);
    }
    while (entries(place->path) == 0)
        sched_yield();
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(entries(place->path), 1);
    assert_false(exists(in(s, "to/x")));
}

static void what_a_crash_left_is_overwritten_or_swept(void **state)
{
    struct scratch *s = *state;
    char path[128];
    snprintf(path, sizeof path, "%s", in(s, "to"));
    assert_int_equal(mkdir(path, 0755), 0);
    struct place place = place_at(path);
    struct place_item item = item_of("x", "RANK", "after the crash");
    crash_in(s, &place);
    publish(&place, &item);
    assert_published(&item, PLACED_NEW, "x");
    assert_file(in(s, "to/x"), "after the crash");
    assert_int_equal(entries(path), 1);
    assert_int_equal(remove(in(s, "to/x")), 0);
    crash_in(s, &place);
    assert_int_equal(place_sweep(&place, &item, NULL), 0);
    assert_int_equal(entries(path), 0);
    assert_int_equal(place_sweep(&place, &item, NULL), 0);
    item.subfolder = "NONE";
    assert_int_equal(place_sweep(&place, &item, NULL), 0);
    assert_false(exists(in(s, "to/NONE")));
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
        TEST(a_new_file_has_its_bytes_its_mode_and_nothing_beside_it),
        TEST(a_folder_is_made_only_where_that_is_wanted),
        TEST(a_place_waits_for_its_mount),
        TEST(a_large_batch_reaches_every_client_folder),
        TEST(a_large_batch_needs_few_descriptors),
        TEST(a_name_that_is_twice_in_a_batch_ends_with_the_last),
        TEST(one_bad_item_does_not_harm_the_others),
        TEST(a_large_file_is_copied_from_where_it_was_claimed),
        TEST(a_source_that_is_not_what_was_read_is_never_published),
        TEST(a_source_below_a_folder_that_became_a_link_is_not_read),
        TEST(a_source_that_cannot_be_read_is_told_from_a_place_that_fails),
        TEST(a_reader_never_sees_half_a_file_nor_none),
        TEST(a_replaced_ticket_is_always_there_whole),
        TEST(what_a_crash_left_is_overwritten_or_swept),
        cmocka_unit_test_setup_teardown(a_full_disk_fails_only_what_does_not_fit, scratch_setup, unmount_and_teardown),
        TEST(a_probe_tells_whether_files_can_be_made_and_leaves_none),
        TEST(a_file_goes_to_the_owner_it_is_for),
        TEST(a_want_of_descriptors_is_told_as_such),
        TEST(a_want_of_memory_leaves_the_old_or_the_new_and_no_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
