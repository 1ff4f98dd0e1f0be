/* test_place_race.c: several writers and one name: whatever was published lies in the archive. */
#include <pthread.h>

#include "old_kernel.h"
#include "publish.h"

enum { WRITERS = 3, TEXT = 64 };

struct writers {
    const char *root;
    pthread_barrier_t barrier;
    unsigned rounds;
    bool fresh;       /* other bytes in each round; else each writer has its own for ever */
    bool one_place;   /* one tag and a key each, as two jobs of one instance; else one key, as in two instances */
    char failed[512]; /* what the first failure said */
};

struct publisher {
    pthread_t thread;
    struct writers *all;
    unsigned number;
};

static void content(const struct writers *w, unsigned number, unsigned round, char out[TEXT])
{
    snprintf(out, TEXT, "writer %u, version %u", number, w->fresh ? round : 0);
}

static void *write_always(void *arg)
{
    struct publisher *me = arg;
    struct writers *w = me->all;
    struct place place = place_at(w->root);
    char tag[16], key[32], text[TEXT];
    snprintf(tag, sizeof tag, "place %u", w->one_place ? 0 : me->number);
    snprintf(key, sizeof key, "FOLDER%u/x.json", w->one_place ? me->number : 0);
    place.tag = tag;
    place.conflict = CONFLICT_VERSIONS;
    for (unsigned round = 0; round < w->rounds; round++) {
        content(w, me->number, round, text);
        struct place_item item = item_of("x.json", "RANK", text);
        item.key = key;
        pthread_barrier_wait(&w->barrier);
        if (publish(&place, &item) != 0)
            snprintf(w->failed, sizeof w->failed, "%s", item.error.text);
        pthread_barrier_wait(&w->barrier); /* the test looks */
        pthread_barrier_wait(&w->barrier);
    }
    return NULL;
}

static bool archived(struct scratch *s, const char *text)
{
    uint8_t sha256[SHA256_SIZE];
    char version[NAME_SIZE];
    const char *newest = get(in(s, "x.json"));
    if (newest && strcmp(newest, text) == 0)
        return true;
    files_sha256(text, strlen(text), sha256);
    name_version("x.json", sha256, version);
    const char *older = get(in(s, version));
    return older && strcmp(older, text) == 0;
}

/* Everyone is at rest while the main thread looks. */
static void race(struct scratch *s, struct writers *w)
{
    struct publisher writers[WRITERS];
    unsigned lost = 0;
    w->root = s->root;
    pthread_barrier_init(&w->barrier, NULL, WRITERS + 1);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct publisher){.all = w, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_always, &writers[i]), 0);
    }
    for (unsigned round = 0; round < w->rounds; round++) {
        char text[TEXT];
        pthread_barrier_wait(&w->barrier);
        pthread_barrier_wait(&w->barrier);
        for (unsigned i = 0; i < WRITERS; i++) {
            content(w, i, round, text);
            lost += !archived(s, text);
        }
        pthread_barrier_wait(&w->barrier);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    pthread_barrier_destroy(&w->barrier);
    assert_string_equal(w->failed, "");
    assert_int_equal(lost, 0);
}

static void two_jobs_of_one_client_and_name_share_nothing(void **state)
{
    struct writers w = {.rounds = 400, .fresh = true, .one_place = true};
    race(*state, &w);
    assert_int_equal(entries(((struct scratch *)*state)->root), 400 * WRITERS); /* and no temporary */
}

static void instances_that_archive_one_name_at_once_keep_every_version(void **state)
{
    struct writers w = {.rounds = 400, .fresh = true};
    race(*state, &w);
    assert_int_equal(entries(((struct scratch *)*state)->root), 400 * WRITERS);
}

/* Each content is now the newest, now an older version: none falls between the two. */
static void versions_that_come_and_go_are_never_all_gone(void **state)
{
    struct writers w = {.rounds = 1500};
    race(*state, &w);
}

struct alone {
    struct scratch *s;
    bool published;
};

static void publish_three(void *arg)
{
    struct alone *alone = arg;
    struct place place = place_at(alone->s->root);
    place.conflict = CONFLICT_VERSIONS;
    static const char *const texts[] = {"one", "two", "one", "three"};
    alone->published = true;
    for (size_t i = 0; i < 4; i++) {
        struct place_item item = item_of("x.json", "RANK", texts[i]);
        alone->published &= publish(&place, &item) == 0;
    }
}

static void versions_are_kept_where_names_cannot_change_places(void **state)
{
    struct scratch *s = *state;
    for (int links = 0; links < 2; links++) {
        struct alone alone = {.s = s};
        on_old_kernel(links, publish_three, &alone);
        assert_true(alone.published);
        assert_file(in(s, "x.json"), "three");
        assert_true(archived(s, "one"));
        assert_true(archived(s, "two"));
        assert_int_equal(entries(s->root), 3);
        remove(in(s, "x.json"));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(two_jobs_of_one_client_and_name_share_nothing),
        TEST(instances_that_archive_one_name_at_once_keep_every_version),
        TEST(versions_that_come_and_go_are_never_all_gone),
        TEST(versions_are_kept_where_names_cannot_change_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
