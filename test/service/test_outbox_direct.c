/* test_outbox_direct.c: what is urgent while the store is away: sent from memory, and a row like all others when the store is
 * back. With servers that answer: test/e2e/test_incidents.py. */
#include "shunt/service/outbox.h"

#include "faulty.h"

#define SETTINGS                                                                                                       \
    "[store]\nurl = memory:\n[mail]\nserver = 127.0.0.1:1\ntls = none\nfrom = a@example.com\nto = b@example.com\n"     \
    "pause = 1m\nexpire = 10m\n"

struct bench {
    struct parts *p;
    struct faulty *store;
    struct outbox *o;
    unsigned saved;
};

static struct bench bench_new(void **state)
{
    struct bench b = {.p = parts_new(*state, SETTINGS, ROUTES_ONE)};
    b.store = faulty_new(b.p);
    b.o = outbox_new(&b.p->rt, &b.p->storage);
    assert_non_null(b.o);
    return b;
}

static void bench_free(struct bench *b)
{
    outbox_last(b->o);
    storage_last(&b->p->storage, NULL);
    uv_run(&b->p->loop, UV_RUN_NOWAIT);
    runtime_close(&b->p->rt);
    uv_run(&b->p->loop, UV_RUN_DEFAULT);
    outbox_free(b->o);
    uv_timer_init(&b->p->loop, &b->p->rt.timer); /* parts_free closes it */
    parts_free(b->p);
    free(b->store);
}

static void pump(struct bench *b)
{
    outbox_pump(b->o);
    storage_pump(&b->p->storage);
}

/* Until nothing is in work any more, or the store is left alone for a while. */
static void settle(struct bench *b)
{
    struct storage *st = &b->p->storage;
    for (pump(b); st->active || !outbox_idle(b->o); pump(b))
        uv_run(&b->p->loop, UV_RUN_ONCE);
}

static void on_saved(void *user)
{
    ++*(unsigned *)user;
}

static bool put_mail(struct bench *b, const char *key, bool urgent, json_t *to)
{
    json_t *document = json_pack("{s:s, s:s, s:o*}", "subject", "A day", "text", "Hello", "to", to);
    bool done =
        document && (urgent ? outbox_put_urgent : outbox_put)(b->o, OUTBOX_MAIL, key, document, on_saved, &b->saved);
    json_decref(document);
    return done;
}

static void take_store_away(struct bench *b)
{
    b->store->fails = ERR_IO;
    assert_true(put_mail(b, "first", false, NULL));
    settle(b);
    assert_true(b->p->storage.degraded);
}

static void bring_store_back(struct bench *b)
{
    b->store->fails = 0;
    advance(b->p, 30000);
    settle(b);
    assert_false(b->p->storage.degraded);
}

/* Its word for this key; "": no row. */
static void state_of(struct bench *b, const char *key, char out[32])
{
    struct error e = {0};
    json_t *list = NULL, *row;
    size_t i;
    assert_int_equal(store_outbox_list(b->store->inner, 0, 0, &list, &e), 0);
    out[0] = '\0';
    json_array_foreach (list, i, row)
        if (strcmp(json_string_value(json_object_get(row, "key")), key) == 0)
            snprintf(out, 32, "%s", json_string_value(json_object_get(row, "state")));
    json_decref(list);
}

static void only_what_is_urgent_is_tried_without_the_store_with_the_pauses_of_a_row(void **state)
{
    struct bench b = bench_new(state);
    char word[32];
    take_store_away(&b);
    assert_true(put_mail(&b, "urgent", true, NULL));
    settle(&b);
    assert_int_equal(logged(b.p->s, "mail_delayed"), 1);
    advance(b.p, 30000);
    settle(&b);
    assert_int_equal(logged(b.p->s, "mail_delayed"), 1);
    advance(b.p, 60000);
    settle(&b);
    assert_int_equal(logged(b.p->s, "mail_delayed"), 2);
    assert_int_equal(b.saved, 0);
    bring_store_back(&b);
    assert_int_equal(b.saved, 2);
    state_of(&b, "urgent", word);
    assert_string_equal(word, "waiting");
    bench_free(&b);
}

static void how_it_ended_is_told_at_once_and_stands_in_the_store_when_that_is_back(void **state)
{
    struct bench b = bench_new(state);
    char word[32];
    take_store_away(&b);
    assert_true(put_mail(&b, "nobody", true, json_array())); /* refused for good: nobody is to get it */
    settle(&b);
    assert_int_equal(b.saved, 1);
    assert_int_equal(logged(b.p->s, "mail_failed"), 1);
    bring_store_back(&b);
    assert_int_equal(b.saved, 2); /* the other one, now */
    state_of(&b, "nobody", word);
    assert_string_equal(word, "failed");
    advance(b.p, 120000);
    settle(&b);
    assert_int_equal(logged(b.p->s, "mail_failed"), 1);
    bench_free(&b);
}

static void what_was_sent_is_not_sent_again_when_the_store_comes_back_only_for_a_moment(void **state)
{
    struct bench b = bench_new(state);
    char word[32];
    take_store_away(&b);
    assert_true(put_mail(&b, "nobody", true, json_array()));
    settle(&b);
    b.store->fails = 0;
    advance(b.p, 30000);
    for (pump(&b); b.p->storage.degraded; pump(&b))
        uv_run(&b.p->loop, UV_RUN_ONCE);
    b.store->fails = ERR_IO;
    settle(&b);
    assert_true(b.p->storage.degraded);
    bring_store_back(&b);
    advance(b.p, 120000);
    settle(&b);
    state_of(&b, "nobody", word);
    assert_string_equal(word, "failed");
    assert_int_equal(logged(b.p->s, "mail_failed"), 1);
    bench_free(&b);
}

static void what_could_not_be_sent_before_it_expired_is_given_up_once(void **state)
{
    struct bench b = bench_new(state);
    char word[32];
    take_store_away(&b);
    assert_true(put_mail(&b, "urgent", true, NULL));
    for (int minute = 0; minute < 15 && b.saved == 0; minute++) {
        settle(&b);
        advance(b.p, 60000);
        advance(b.p, 1);
    }
    assert_int_equal(b.saved, 1);
    assert_int_equal(logged(b.p->s, "mail_expired"), 1);
    bring_store_back(&b);
    state_of(&b, "urgent", word);
    assert_string_equal(word, "expired");
    bench_free(&b);
}

static void without_memory_it_is_sent_later(void **state)
{
    SCARCE_SWEEP (n) {
        struct bench b = bench_new(state);
        take_store_away(&b);
        json_t *nobody = json_array();
        scarce_begin(n, 1);
        bool done = put_mail(&b, "nobody", true, nobody);
        pump(&b);
        scarce_end();
        settle(&b);
        for (int minute = 0; done && b.saved == 0 && minute < 3; minute++) {
            advance(b.p, 60000);
            advance(b.p, 15001);
            settle(&b);
        }
        assert_int_equal(b.saved, done);
        bring_store_back(&b);
        char word[32];
        state_of(&b, "nobody", word);
        assert_string_equal(word, done ? "failed" : "");
        bench_free(&b);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(only_what_is_urgent_is_tried_without_the_store_with_the_pauses_of_a_row),
        T(how_it_ended_is_told_at_once_and_stands_in_the_store_when_that_is_back),
        T(what_was_sent_is_not_sent_again_when_the_store_comes_back_only_for_a_moment),
        T(what_could_not_be_sent_before_it_expired_is_given_up_once),
        T(without_memory_it_is_sent_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
