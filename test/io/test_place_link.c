/* Publishing a claimed file as it is: as a second link where nobody can reach it by the first, else as a copy. */
#include "publish.h"

static struct source claimed(const char *path, const char *text)
{
    struct source source;
    struct error e = {0};
    if (text)
        put(path, text);
    assert_int_equal(source_open(&source, AT_FDCWD, strrchr(path, '/') + 1, &e), 0);
    source_ask_writer(&source);
    return source;
}

/* The item's claimed file lies in the scratch folder, its place below it. */
static struct place_item item_with(const struct source *original, const char *name, const char *bytes)
{
    struct place_item item = item_of(name, "RANK", bytes);
    item.original = original;
    item.mtime_ns = original->print.mtime_ns;
    return item;
}

static ino_t number_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_ino;
}

struct archive {
    struct scratch *s;
    char path[256];
    struct place place;
};

/* The scratch folder is the working one. */
static void archive_in(void **state, struct archive *a)
{
    *a = (struct archive){.s = *state};
    snprintf(a->path, sizeof a->path, "%s/archive", a->s->root);
    assert_int_equal(mkdir(a->path, 0755), 0);
    assert_int_equal(chdir(a->s->root), 0);
    a->place = place_at(a->path);
    a->place.conflict = CONFLICT_VERSIONS;
    a->place.keep_time = true;
}

static void a_claimed_file_that_nobody_writes_becomes_the_published_one(void **state)
{
    struct archive a;
    archive_in(state, &a);
    for (int durable = 0; durable < 2; durable++) {
        const char *name = durable ? "durable.json" : "x.json";
        a.place.durable = durable;
        put(in(a.s, name), "{}");
        assert_int_equal(chmod(in(a.s, name), 0600), 0);
        struct source source = claimed(in(a.s, name), NULL);
        struct place_item item = item_with(&source, name, "{}");
        assert_int_equal(publish(&a.place, &item), 0);
        assert_published(&item, PLACED_NEW, name);
        char there[300];
        snprintf(there, sizeof there, "archive/%s", name);
        assert_int_equal(number_of(there), number_of(in(a.s, name)));
        assert_int_equal(mode_of(there), 0644);
        source_close(&source);
    }
    assert_int_equal(entries(a.path), 2);
}

static void is_copied(struct archive *a, const struct source *source, const char *name)
{
    struct stat st;
    char there[300];
    struct place_item item = item_with(source, name, "{}");
    assert_int_equal(publish(&a->place, &item), 0);
    assert_published(&item, PLACED_NEW, name);
    snprintf(there, sizeof there, "archive/%s", name);
    assert_file(there, "{}");
    assert_int_not_equal(number_of(there), number_of(in(a->s, name)));
    assert_int_equal(stat(there, &st), 0);
    assert_int_equal(file_print_of(&st).mtime_ns, item.mtime_ns);
}

static void what_somebody_can_still_write_to_is_copied(void **state)
{
    struct archive a;
    archive_in(state, &a);
    /* He had it open before we came. */
    put(in(a.s, "open.json"), "{}");
    int writer = open("open.json", O_WRONLY);
    struct source source = claimed(in(a.s, "open.json"), NULL);
    assert_int_equal(source.writer, WRITER_PRESENT);
    is_copied(&a, &source, "open.json");
    close(writer);
    source_close(&source);
    /* He opened it under our lease. */
    source = claimed(in(a.s, "later.json"), "{}");
    assert_int_equal(source.writer, WRITER_NONE);
    assert_int_equal(open("later.json", O_WRONLY | O_NONBLOCK), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    is_copied(&a, &source, "later.json");
    source_close(&source);
    /* It has another name somewhere. */
    put(in(a.s, "twice.json"), "{}");
    assert_int_equal(link("twice.json", "other"), 0);
    source = claimed(in(a.s, "twice.json"), NULL);
    is_copied(&a, &source, "twice.json");
    source_close(&source);
}

static void what_a_copy_would_not_be_like_is_copied(void **state)
{
    struct archive a;
    archive_in(state, &a);
    if (geteuid() != 0)
        skip();
    put(in(a.s, "theirs.json"), "{}");
    assert_int_equal(chown("theirs.json", 12345, getegid()), 0);
    struct source source = claimed(in(a.s, "theirs.json"), NULL);
    is_copied(&a, &source, "theirs.json");
    source_close(&source);
    put(in(a.s, "group.json"), "{}");
    assert_int_equal(chown("group.json", geteuid(), 12345), 0);
    source = claimed(in(a.s, "group.json"), NULL);
    is_copied(&a, &source, "group.json");
    source_close(&source);
    assert_int_equal(chown(a.path, 0, 12345), 0);
    assert_int_equal(chmod(a.path, 02755), 0);
    source = claimed(in(a.s, "inherits.json"), "{}");
    is_copied(&a, &source, "inherits.json");
    source_close(&source);
}

static void a_taken_name_is_decided_as_for_a_copy(void **state)
{
    struct archive a;
    archive_in(state, &a);
    enum { N = 5 };
    struct source sources[N];
    struct place_item items[N];
    char names[N][16];
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "%zu.json", i);
        char there[300];
        snprintf(there, sizeof there, "archive/%s", names[i]);
        if (i % 2 == 1)
            put(there, "{\"old\": 1}");
        sources[i] = claimed(in(a.s, names[i]), "{}");
        items[i] = item_with(&sources[i], names[i], "{}");
    }
    a.place.durable = true;
    place_publish(&a.place, items, N);
    for (size_t i = 0; i < N; i++) {
        char there[300];
        snprintf(there, sizeof there, "archive/%s", names[i]);
        assert_published(&items[i], i % 2 == 1 ? PLACED_REPLACED : PLACED_NEW, names[i]);
        assert_file(there, "{}");
        source_close(&sources[i]);
    }
    assert_int_equal(entries(a.path), N + N / 2); /* the older versions are kept */
}

static void across_file_systems_it_is_copied(void **state)
{
    struct archive a;
    archive_in(state, &a);
    void *other = NULL;
    assert_int_equal(scratch_setup_at(&other, "/dev/shm/shunt-test-XXXXXX"), 0);
    const struct scratch *to = other;
    struct source source = claimed(in(a.s, "x.json"), "{}");
    struct place_item item = item_with(&source, "x.json", "{}");
    a.place.path = to->root;
    a.place.durable = true;
    assert_int_equal(publish(&a.place, &item), 0);
    assert_published(&item, PLACED_NEW, "x.json");
    char there[300];
    snprintf(there, sizeof there, "%s/x.json", to->root);
    assert_file(there, "{}");
    source_close(&source);
    scratch_teardown(&other);
}

static void a_want_of_memory_fails_only_what_had_to_be_copied_after_all(void **state)
{
    struct archive a;
    archive_in(state, &a);
    SCARCE_SWEEP (n) {
        size_t failures = 0;
        put(in(a.s, "archive/taken.json"), "{\"old\": 1}");
        struct source free = claimed(in(a.s, "free.json"), "{}"), taken = claimed(in(a.s, "taken.json"), "{}");
        struct place_item items[] = {item_with(&free, "free.json", "{}"), item_with(&taken, "taken.json", "{}")};
        scarce_begin(n, 1);
        place_publish(&a.place, items, 2);
        bool hit = scarce_end();
        for (size_t i = 0; i < 2; i++) {
            assert_true(items[i].error.code == 0 || items[i].error.code == ERR_NOMEM);
            failures += items[i].error.code != 0;
        }
        assert_file("archive/taken.json", items[1].error.code == 0 ? "{}" : "{\"old\": 1}");
        assert_int_equal(exists(in(a.s, "archive/free.json")), items[0].error.code == 0);
        assert_int_equal(failures > 0, hit);
        source_close(&free);
        source_close(&taken);
        scratch_remove(a.path);
        assert_int_equal(mkdir(a.path, 0755), 0);
        remove("free.json");
        remove("taken.json");
    }
}

static int leave_and_teardown(void **state)
{
    return chdir("/") == 0 ? scratch_teardown(state) : -1;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, leave_and_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_claimed_file_that_nobody_writes_becomes_the_published_one),
        TEST(what_somebody_can_still_write_to_is_copied),
        TEST(what_a_copy_would_not_be_like_is_copied),
        TEST(a_taken_name_is_decided_as_for_a_copy),
        TEST(across_file_systems_it_is_copied),
        TEST(a_want_of_memory_fails_only_what_had_to_be_copied_after_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
