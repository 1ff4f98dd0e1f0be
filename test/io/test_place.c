/* test_place.c: files in their places: one, many, and never half of one for who reads them or after a crash. */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
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
        TEST(a_reader_never_sees_half_a_file_nor_none),
        TEST(a_replaced_ticket_is_always_there_whole),
        TEST(what_a_crash_left_is_overwritten_or_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
