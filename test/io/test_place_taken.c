#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "publish.h"

static struct place_item published(const struct place *place, const char *name, const char *client, const char *bytes)
{
    struct place_item item = item_of(name, client, bytes);
    publish(place, &item);
    return item;
}

static struct place_item published_file(const struct place *place, const char *name, const char *client,
                                        const char *bytes)
{
    struct place_item item = item_of(name, client, bytes);
    item.declared = NULL;
    publish(place, &item);
    return item;
}

static void a_newer_ticket_of_the_same_client_replaces_the_older(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    struct place_item item = published(&place, "x.json", "RANK", ticket_of("RANK", "one"));
    assert_published(&item, PLACED_NEW, "x.json");
    item = published(&place, "x.json", "RANK", ticket_of("RANK", "two"));
    assert_published(&item, PLACED_REPLACED, "x.json");
    assert_file(in(s, "x.json"), item.bytes);
    assert_int_equal(entries(s->root), 1);
}

/* Delivered a second time: its consumer is not to see it again. */
static void a_clients_own_identical_ticket_is_left_as_it_is(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    struct stat before, after;
    const char *text = ticket_of("RANK", "one");
    place.durable = true;
    published(&place, "x.json", "RANK", text);
    assert_int_equal(stat(in(s, "x.json"), &before), 0);
    struct place_item item = published(&place, "x.json", "RANK", text);
    assert_published(&item, PLACED_ALREADY_THERE, "x.json");
    assert_int_equal(stat(in(s, "x.json"), &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
    place.mode = 0640; /* the setting changed meanwhile */
    place.gid = geteuid() == 0 ? 12345 : (long)getegid();
    item = published(&place, "x.json", "RANK", text);
    assert_published(&item, PLACED_ALREADY_THERE, "x.json");
    assert_int_equal(stat(in(s, "x.json"), &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    assert_int_equal(after.st_mode & 07777, 0640);
    assert_int_equal(after.st_gid, place.gid);
    assert_int_equal(entries(s->root), 1);
}

static void another_clients_ticket_is_kept_and_the_newcomer_goes_beside_it(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    const char *of_3m = ticket_of("3M", "theirs");
    published(&place, "x.json", "3M", of_3m);
    struct place_item item = published(&place, "x.json", "RANK", ticket_of("RANK", "one"));
    assert_published(&item, PLACED_BESIDE, "x (RANK).json");
    item = published(&place, "x.json", "RANK", ticket_of("RANK", "two")); /* its own older one there is replaced */
    assert_published(&item, PLACED_BESIDE, "x (RANK).json");
    assert_file(in(s, "x (RANK).json"), item.bytes);
    assert_file(in(s, "x.json"), of_3m);
    assert_int_equal(entries(s->root), 2);
}

static void a_name_beside_that_is_anothers_is_left_too(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    const char *of_3m = ticket_of("3M", "theirs");
    const char *odd = ticket_of("BAYER", "named so by its producer");
    put(in(s, "x.json"), of_3m);
    put(in(s, "x (RANK).json"), odd);
    struct place_item item = published(&place, "x.json", "RANK", ticket_of("RANK", "one"));
    assert_published(&item, PLACED_BESIDE, "x (RANK 2).json");
    assert_file(in(s, "x (RANK 2).json"), item.bytes);
    assert_file(in(s, "x (RANK).json"), odd);
    assert_file(in(s, "x.json"), of_3m);
}

static void a_file_whose_owner_cannot_be_told_is_never_overwritten(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    static const char *const unknown[] = {"",
                                          "not JSON",
                                          "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"RANK\"",
                                          "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":7}}}",
                                          "{}",
                                          "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"RANK\\u0000\"}}}"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        put(in(s, "x.json"), unknown[i]);
        struct place_item item = published(&place, "x.json", "RANK", ticket_of("RANK", "one"));
        assert_published(&item, PLACED_BESIDE, "x (RANK).json");
        assert_file(in(s, "x.json"), unknown[i]);
        assert_int_equal(remove(in(s, "x (RANK).json")), 0);
    }
}

static void a_file_that_declares_nothing_goes_beside_and_replaces_itself_there(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    struct place_item item = published_file(&place, "x.png", "RANK", "one");
    assert_published(&item, PLACED_NEW, "x.png");
    item = published_file(&place, "x.png", "RANK", "one"); /* delivered again after a crash */
    assert_published(&item, PLACED_ALREADY_THERE, "x.png");
    item = published_file(&place, "x.png", "3M", "two");
    assert_published(&item, PLACED_BESIDE, "x (3M).png");
    item = published_file(&place, "x.png", "3M", "three");
    assert_published(&item, PLACED_BESIDE, "x (3M).png");
    assert_file(in(s, "x.png"), "one");
    assert_file(in(s, "x (3M).png"), "three");
    assert_int_equal(entries(s->root), 2);
}

static void a_link_is_replaced_and_never_followed(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    put(in(s, "victim.json"), "untouched");
    for (enum conflict conflict = CONFLICT_REPLACE; conflict <= CONFLICT_VERSIONS; conflict++) {
        remove(in(s, "x.json"));
        assert_int_equal(symlink("victim.json", in(s, "x.json")), 0);
        place.conflict = conflict;
        struct place_item item =
            published(&place, "x.json", "RANK", "untouched"); /* also where the bytes would be the same */
        if (conflict == CONFLICT_REPLACE || conflict == CONFLICT_VERSIONS)
            assert_published(&item, PLACED_REPLACED, "x.json");
        else if (conflict == CONFLICT_KEEP)
            assert_published(&item, PLACED_BESIDE, "x (RANK).json");
        else
            assert_int_equal(item.error.code, ERR_CONFLICT);
        assert_file(in(s, "victim.json"), "untouched");
    }
}

static void a_folder_or_fifo_of_that_name_is_left(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    assert_int_equal(mkdir(in(s, "x.json"), 0755), 0);
    assert_int_equal(mkfifo(in(s, "y.json"), 0600), 0);
    for (enum conflict conflict = CONFLICT_REPLACE; conflict <= CONFLICT_VERSIONS; conflict++) {
        place.conflict = conflict;
        struct place_item items[] = {item_of("x.json", "RANK", ticket_of("RANK", "one")),
                                     item_of("y.json", "RANK", ticket_of("RANK", "two"))};
        place_publish(&place, items, 2);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(items[i].error.code, conflict == CONFLICT_FAIL ? ERR_CONFLICT : 0);
        if (conflict == CONFLICT_FAIL)
            continue;
        assert_file(in(s, "x (RANK).json"), items[0].bytes);
        assert_file(in(s, "y (RANK).json"), items[1].bytes);
    }
    assert_int_equal(entries(s->root), 4);
    assert_int_equal(entries(in(s, "x.json")), 0);
}

static void keep_leaves_what_is_there_and_keeps_each_other_content_once(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    place.conflict = CONFLICT_KEEP;
    place.durable = true;
    struct place_item item = published(&place, "x.json", "RANK", "one");
    assert_published(&item, PLACED_NEW, "x.json");
    item = published(&place, "x.json", "RANK", "one");
    assert_published(&item, PLACED_ALREADY_THERE, "x.json");
    item = published(&place, "x.json", "RANK", "two");
    assert_published(&item, PLACED_BESIDE, "x (RANK).json");
    item = published(&place, "x.json", "RANK", "six"); /* same length, other bytes */
    assert_published(&item, PLACED_BESIDE, "x (RANK 2).json");
    item = published(&place, "x.json", "RANK", "two");
    assert_published(&item, PLACED_ALREADY_THERE, "x (RANK).json");
    assert_file(in(s, "x.json"), "one");
    assert_int_equal(entries(s->root), 3);
}

static void fail_refuses_other_bytes_and_only_those(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    place.conflict = CONFLICT_FAIL;
    struct place_item item = published(&place, "x.json", "RANK", "one");
    assert_published(&item, PLACED_NEW, "x.json");
    item = published(&place, "x.json", "RANK", "one");
    assert_published(&item, PLACED_ALREADY_THERE, "x.json");
    item = published(&place, "x.json", "RANK", "two");
    assert_int_equal(item.error.code, ERR_CONFLICT);
    assert_non_null(strstr(item.error.text, "x.json"));
    assert_file(in(s, "x.json"), "one");
    assert_int_equal(entries(s->root), 1);
}

static const char *version_of(struct scratch *s, const char *name, const char *bytes)
{
    uint8_t sha256[SHA256_SIZE];
    char version[NAME_SIZE];
    files_sha256(bytes, strlen(bytes), sha256);
    name_version(name, sha256, version);
    return in(s, version);
}

static void the_archive_keeps_every_version_and_the_same_bytes_once(void **state)
{
    struct scratch *s = *state;
    for (int durable = 0; durable < 2; durable++) {
        struct place place = place_at(s->root);
        place.conflict = CONFLICT_VERSIONS;
        place.durable = durable;
        struct place_item item = published(&place, "x.json", "RANK", "one");
        assert_published(&item, PLACED_NEW, "x.json");
        item = published(&place, "x.json", "RANK", "one");
        assert_published(&item, PLACED_ALREADY_THERE, "x.json");
        item = published(&place, "x.json", "RANK", "two");
        assert_published(&item, PLACED_REPLACED, "x.json");
        item = published(&place, "x.json", "RANK", "a third");
        assert_published(&item, PLACED_REPLACED, "x.json");
        assert_file(in(s, "x.json"), "a third");
        assert_file(version_of(s, "x.json", "one"), "one");
        assert_file(version_of(s, "x.json", "two"), "two");
        assert_int_equal(entries(s->root), 3);
        item = published(&place, "x.json", "RANK", "one"); /* the first one again */
        assert_published(&item, PLACED_REPLACED, "x.json");
        assert_file(in(s, "x.json"), "one");
        assert_file(version_of(s, "x.json", "a third"), "a third");
        assert_false(exists(version_of(s, "x.json", "one")));
        assert_int_equal(entries(s->root), 3);
        remove(in(s, "x.json"));
        remove(version_of(s, "x.json", "two"));
        remove(version_of(s, "x.json", "a third"));
    }
}

static void a_crash_between_the_second_link_and_the_rename_does_no_harm(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    place.conflict = CONFLICT_VERSIONS;
    put(in(s, "x.json"), "one");
    assert_int_equal(link(in(s, "x.json"), version_of(s, "x.json", "one")), 0);
    struct place_item item = published(&place, "x.json", "RANK", "two");
    assert_published(&item, PLACED_REPLACED, "x.json");
    assert_file(in(s, "x.json"), "two");
    assert_file(version_of(s, "x.json", "one"), "one");
}

/* A version's name holds only a part of its hash: what bears it is not believed to be it. */
static void no_version_is_lost_to_a_name_that_collides(void **state)
{
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    place.conflict = CONFLICT_VERSIONS;
    put(in(s, "x.json"), "one");
    put(version_of(s, "x.json", "one"), "of another content");
    struct place_item item = published(&place, "x.json", "RANK", "two");
    assert_int_equal(item.error.code, ERR_CONFLICT);
    assert_file(in(s, "x.json"), "one");
    assert_file(version_of(s, "x.json", "one"), "of another content");
    remove(version_of(s, "x.json", "one"));
    put(version_of(s, "x.json", "two"), "of another content");
    item = published(&place, "x.json", "RANK", "two");
    assert_published(&item, PLACED_REPLACED, "x.json");
    assert_file(version_of(s, "x.json", "two"), "of another content");
    assert_int_equal(entries(s->root), 3);
}

static void long_names_stay_within_what_a_file_system_takes(void **state)
{
    struct scratch *s = *state;
    char name[256];
    struct place place = place_at(s->root);
    memset(name, 'n', 250);
    strcpy(name + 250, ".json");
    struct place_item item = published(&place, name, "3M", ticket_of("3M", "one"));
    assert_published(&item, PLACED_NEW, name);
    item = published(&place, name, "RANK", ticket_of("RANK", "one"));
    assert_int_equal(item.error.code, 0);
    assert_int_equal(item.placed, PLACED_BESIDE);
    assert_true(strlen(item.final_name) <= 255);
    assert_non_null(strstr(item.final_name, "(RANK).json"));
    assert_file(in(s, item.final_name), item.bytes);
}

/* One client's ticket comes again and again under a name; another's comes once at a time and waits until the
 * consumer has it. Nothing of the other may be lost, however the three meet. */
struct race {
    const char *root;
    bool stop;
    unsigned taken; /* the last of the other's that was consumed */
};

static void *publish_always(void *arg)
{
    struct race *race = arg;
    struct place place = place_at(race->root);
    enum { FILLER = 60000 }; /* so that looking at it takes a while */
    char *text = malloc(FILLER + 256);
    unsigned failed = 0;
    for (unsigned i = 0; !__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE); i++) {
        snprintf(text, FILLER + 256,
                 "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"RANK\",\"Title\":\"%u\"}}}%*s", i, FILLER,
                 "");
        struct place_item item = item_of("x.json", "RANK", text);
        failed += publish(&place, &item) != 0;
    }
    free(text);
    return failed == 0 ? NULL : arg;
}

static void consume(struct race *race, const char *name)
{
    char from[128], to[128], text[256];
    snprintf(from, sizeof from, "%s/%s", race->root, name);
    snprintf(to, sizeof to, "%s/.consumed", race->root);
    if (rename(from, to) != 0)
        return;
    int fd = open(to, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    if (strstr(text, "\"3M\""))
        __atomic_store_n(&race->taken, (unsigned)atoi(strstr(text, "Title") + 8), __ATOMIC_RELEASE);
}

static void *consume_always(void *arg)
{
    struct race *race = arg;
    while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
        consume(race, "x.json");
        consume(race, "x (3M).json");
        consume(race, "x (RANK).json");
    }
    return NULL;
}

static void no_ticket_is_lost_while_two_clients_and_a_consumer_race(void **state)
{
    struct scratch *s = *state;
    struct race race = {.root = s->root};
    struct place place = place_at(s->root);
    pthread_t publisher, consumer;
    void *failed;
    bool lost = false;
    assert_int_equal(pthread_create(&publisher, NULL, publish_always, &race), 0);
    assert_int_equal(pthread_create(&consumer, NULL, consume_always, &race), 0);
    for (unsigned i = 1; i <= 150 && !lost; i++) {
        char title[16];
        snprintf(title, sizeof title, "%u", i);
        struct place_item item = published(&place, "x.json", "3M", ticket_of("3M", title));
        lost = item.error.code != 0;
        time_t until = time(NULL) + 10;
        while (!lost && __atomic_load_n(&race.taken, __ATOMIC_ACQUIRE) != i) {
            sched_yield();
            lost = time(NULL) > until;
        }
    }
    __atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
    pthread_join(publisher, &failed);
    pthread_join(consumer, NULL);
    assert_false(lost);
    assert_null(failed);
}

/* Whatever the place does with a taken name: not done means that nothing has changed. */
static void a_want_of_memory_changes_nothing_where_a_name_is_taken(void **state)
{
    static const enum conflict conflicts[] = {CONFLICT_REPLACE, CONFLICT_KEEP, CONFLICT_VERSIONS};
    struct scratch *s = *state;
    const char *names[] = {"x.json", "y.json"};
    for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++) {
        SCARCE_SWEEP (n) {
            assert_int_equal(mkdir(in(s, "place"), 0755), 0);
            struct place place = place_at(in(s, "place"));
            char path[512], own[256], theirs[256], new[256];
            snprintf(path, sizeof path, "%s", place.path);
            place.path = path;
            place.conflict = conflicts[i];
            snprintf(own, sizeof own, "%s", ticket_of("RANK", "old"));
            snprintf(theirs, sizeof theirs, "%s", ticket_of("3M", "theirs"));
            snprintf(new, sizeof new, "%s", ticket_of("RANK", "new"));
            put(in(s, "place/x.json"), own);
            put(in(s, "place/y.json"), theirs);
            struct place_item items[] = {item_of(names[0], "RANK", new), item_of(names[1], "RANK", new)};
            scarce_begin(n, 1);
            place_publish(&place, items, 2);
            bool hit = scarce_end();
            size_t there = 2;
            for (size_t k = 0; k < 2; k++) {
                bool done = items[k].error.code == 0;
                assert_true(done || (hit && items[k].error.code == ERR_NOMEM));
                there += done && !(conflicts[i] == CONFLICT_REPLACE && k == 0);
                char at[512];
                snprintf(at, sizeof at, "place/%s", done ? items[k].final_name : names[k]);
                assert_file(in(s, at), done ? new : k == 0 ? own : theirs);
            }
            assert_int_equal(entries(place.path), there);
            scratch_remove(place.path);
        }
    }
}

/* A flush of what is there may have failed, and to flush it again would prove nothing. */
static void after_a_try_that_failed_identical_bytes_are_written_anew(void **state)
{
    static const enum conflict kinds[] = {CONFLICT_REPLACE, CONFLICT_KEEP, CONFLICT_FAIL, CONFLICT_VERSIONS};
    struct scratch *s = *state;
    struct place place = place_at(s->root);
    const char *text = ticket_of("RANK", "one");
    place.durable = true;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct stat before, after;
        struct place_item item = item_of("x.json", "RANK", text);
        place.conflict = kinds[i];
        put(in(s, "x.json"), text);
        assert_int_equal(stat(in(s, "x.json"), &before), 0);
        assert_int_equal(publish(&place, &item), 0);
        assert_published(&item, PLACED_ALREADY_THERE, "x.json");
        item.anew = true;
        assert_int_equal(publish(&place, &item), 0);
        assert_published(&item, PLACED_REPLACED, "x.json");
        assert_file(in(s, "x.json"), text);
        assert_int_equal(stat(in(s, "x.json"), &after), 0);
        assert_int_not_equal(before.st_ino, after.st_ino);
        assert_int_equal(entries(s->root), 1);
        remove(in(s, "x.json"));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_newer_ticket_of_the_same_client_replaces_the_older),
        TEST(a_clients_own_identical_ticket_is_left_as_it_is),
        TEST(another_clients_ticket_is_kept_and_the_newcomer_goes_beside_it),
        TEST(a_name_beside_that_is_anothers_is_left_too),
        TEST(a_file_whose_owner_cannot_be_told_is_never_overwritten),
        TEST(a_file_that_declares_nothing_goes_beside_and_replaces_itself_there),
        TEST(a_link_is_replaced_and_never_followed),
        TEST(a_folder_or_fifo_of_that_name_is_left),
        TEST(keep_leaves_what_is_there_and_keeps_each_other_content_once),
        TEST(fail_refuses_other_bytes_and_only_those),
        TEST(the_archive_keeps_every_version_and_the_same_bytes_once),
        TEST(a_crash_between_the_second_link_and_the_rename_does_no_harm),
        TEST(no_version_is_lost_to_a_name_that_collides),
        TEST(long_names_stay_within_what_a_file_system_takes),
        TEST(no_ticket_is_lost_while_two_clients_and_a_consumer_race),
        TEST(a_want_of_memory_changes_nothing_where_a_name_is_taken),
        TEST(after_a_try_that_failed_identical_bytes_are_written_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
