/* looking.h: looks at files of a hot folder, one at a time: real files and real leases, and a clock that is the
 * test's. */
#ifndef SHUNT_TEST_LOOKING_H
#define SHUNT_TEST_LOOKING_H

#include "shunt/core/name.h"

#include "parts.h"

struct bench {
    struct scratch *s;
    struct config *config;
    struct clock_virtual clock;
    struct take_item item; /* of the last look, as `barred` is */
    struct error barred;
};

static inline struct bench *bench_new(void **state, const char *settings)
{
    struct bench *b = calloc(1, sizeof *b);
    b->s = *state;
    b->config = make_config(b->s, settings, ROUTES_TWO);
    make_folder(b->s, "hot/RANK");
    make_folder(b->s, "under/0");
    clock_virtual_init(&b->clock, 1770388246000);
    b->item.source.fd = -1;
    return b;
}

static inline void bench_free(struct bench *b)
{
    take_item_fini(&b->item);
    config_free(b->config);
    free(b);
}

static inline enum taken look_again(struct bench *b)
{
    struct take_item *item = &b->item;
    char under[600];
    take_item_fini(item);
    error_clear(&item->error);
    memset(&item->ticket, 0, sizeof item->ticket);
    memset(&item->content, 0, sizeof item->content);
    item->n_destinations = 0;
    item->invalid = false;
    snprintf(under, sizeof under, "%s/0", b->config->underprocess);
    struct take_batch batch = {.config = b->config,
                               .clock = &b->clock.clock,
                               .underprocess = under,
                               .routes = b->config->routes,
                               .items = item,
                               .count = 1};
    take_run(&batch);
    b->barred = batch.barred;
    return item->taken;
}

static inline enum taken look(struct bench *b, const char *client, const char *name)
{
    take_item_fini(&b->item);
    b->item = (struct take_item){.client = client, .name = name, .source.fd = -1};
    b->item.kind = name_kind_of(name, &b->config->settings->tickets, &b->config->settings->files);
    return look_again(b);
}

/* Looks at the file as often as the looks themselves ask for, up to so long a time. Returns how long it took. */
static inline int64_t look_until_settled(struct bench *b, int64_t limit_ms)
{
    int64_t waited = 0;
    while (b->item.taken == TAKEN_WAIT && waited <= limit_ms) {
        assert_true(b->item.pause_ms > 0);
        clock_virtual_advance(&b->clock, b->item.pause_ms);
        waited += b->item.pause_ms;
        look_again(b);
    }
    return waited;
}

static inline void assert_left_in_hot(struct bench *b, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "hot/RANK/%s", name);
    assert_true(exists(in(b->s, path)));
    snprintf(path, sizeof path, "under/0/RANK/%s", name);
    assert_false(exists(in(b->s, path)));
}

static inline void assert_claimed(struct bench *b, const char *name)
{
    char path[400];
    assert_int_equal(b->item.taken, TAKEN_CLAIMED);
    assert_true(b->item.claimed);
    snprintf(path, sizeof path, "hot/RANK/%s", name);
    assert_false(exists(in(b->s, path)));
    snprintf(path, sizeof path, "under/0/RANK/%s", name);
    assert_true(exists(in(b->s, path)));
}

static inline int give_away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return lchown(path, 65534, 65534);
}

/* Root may read everything: as another user for the length of the test. */
static inline void be_nobody(struct bench *b)
{
    if (geteuid() != 0)
        return;
    assert_int_equal(nftw(b->s->root, give_away, 16, FTW_PHYS), 0);
    assert_int_equal(seteuid(65534), 0);
}

static inline void be_root_again(void)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
