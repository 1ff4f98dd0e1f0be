/* test_outbox.c: what is put into the outbox, until it is in the store and what became of it is there, too. */
#include "posting.h"

#define NOBODY STORE

static bool put_one(struct bench *b, const char *key)
{
    return put_mail(b, key, false, NULL);
}

static const char *text_of_first(const json_t *list, const char *key)
{
    const char *text = json_string_value(json_object_get(json_array_get(list, 0), key));
    return text ? text : "";
}

static void what_is_put_is_told_when_the_store_has_it(void **state)
{
    struct bench b = bench_new(state, NOBODY, false);
    assert_true(put_one(&b, "report:1"));
    assert_false(outbox_idle(b.o));
    assert_int_equal(b.saved, 0);
    settle(&b);
    assert_int_equal(b.saved, 1);
    json_t *list = rows(&b);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(text_of_first(list, "key"), "report:1");
    assert_string_equal(text_of_first(list, "state"), "waiting"); /* there is nobody to send it to */
    json_decref(list);
    assert_false(outbox_reaches(b.o, OUTBOX_MAIL));
    bench_free(&b);
}

static void the_same_key_is_one_message(void **state)
{
    struct bench b = bench_new(state, NOBODY, false);
    assert_true(put_one(&b, "report:1"));
    assert_true(put_one(&b, "report:1"));
    settle(&b);
    assert_true(put_one(&b, "report:1"));
    settle(&b);
    assert_int_equal(b.saved, 3); /* it is there: that was the wish */
    json_t *list = rows(&b);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    bench_free(&b);
}

static void what_is_no_message_is_refused(void **state)
{
    struct bench b = bench_new(state, NOBODY, false);
    char key[300];
    memset(key, 'x', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    json_t *text = json_string("x");
    assert_false(put_one(&b, ""));
    assert_false(put_one(&b, key));
    assert_false(put_one(&b, "\xff"));
    assert_false(outbox_put(b.o, OUTBOX_MAIL, "x", text, NULL, NULL));
    assert_false(outbox_put(NULL, OUTBOX_MAIL, "x", text, NULL, NULL));
    json_decref(text);
    bench_free(&b);
}

static void a_mail_that_cannot_be_sent_waits_with_growing_pauses_and_expires(void **state)
{
    struct bench b = bench_new(state, SETTINGS, false);
    assert_true(outbox_reaches(b.o, OUTBOX_MAIL));
    assert_true(put_one(&b, "a"));
    json_int_t attempts = 0;
    for (int minute = 0; minute < 15; minute++) {
        settle(&b);
        json_t *list = rows(&b);
        attempts = json_integer_value(json_object_get(json_array_get(list, 0), "attempts"));
        bool ended = strcmp(text_of_first(list, "state"), "expired") == 0;
        if (!ended)
            assert_string_equal(text_of_first(list, "state"), "waiting");
        if (strlen(text_of_first(list, "error")) == 0)
            fail_msg("minute %d: no error", minute);
        json_decref(list);
        if (ended)
            break;
        assert_true(minute < 14);
        advance(b.p, 60000);
        advance(b.p, 1);
    }
    assert_in_range(attempts, 3, 5); /* after about 1, 2, 4 minutes; 8 more are too many */
    assert_int_equal(logged(b.p->s, "mail_expired"), 1);
    bench_free(&b);
}

static void that_mails_do_not_get_out_is_known_until_one_got_to_the_server(void **state)
{
    struct bench b = bench_new(state, SETTINGS, false);
    assert_true(put_one(&b, "a"));
    settle(&b);
    assert_null(outbox_trouble(b.o, OUTBOX_MAIL)); /* a first failure */
    advance(b.p, 75001);
    settle(&b);
    assert_non_null(outbox_trouble(b.o, OUTBOX_MAIL));
    assert_true(put_mail(&b, "nobody", false, json_array()));
    settle(&b);
    assert_int_equal(logged(b.p->s, "mail_failed"), 1);
    assert_non_null(outbox_trouble(b.o, OUTBOX_MAIL));
    bench_free(&b);
}

static void without_the_store_messages_wait_in_memory_up_to_a_limit(void **state)
{
    struct bench b = bench_new(state, NOBODY, true);
    b.store->fails = ERR_IO;
    for (unsigned i = 0; i < OUTBOX_UNSAVED_MAX; i++) {
        char key[32];
        snprintf(key, sizeof key, "m%u", i);
        assert_true(put_one(&b, key));
        if (i % 100 == 0)
            settle(&b);
    }
    assert_true(b.p->storage.degraded);
    assert_false(put_one(&b, "one more"));
    assert_int_equal(b.saved, 0);
    b.store->fails = 0;
    advance(b.p, 60000);
    settle(&b);
    assert_int_equal(b.saved, OUTBOX_UNSAVED_MAX);
    json_t *list = rows(&b);
    assert_string_equal(text_of_first(list, "key"), "m499"); /* in their order */
    json_decref(list);
    assert_true(put_one(&b, "one more"));
    bench_free(&b);
}

static void at_the_stop_what_was_put_is_written(void **state)
{
    struct bench b = bench_new(state, NOBODY, false);
    assert_true(put_one(&b, "a"));
    outbox_last(b.o);
    storage_last(&b.p->storage, NULL);
    assert_int_equal(b.saved, 1);
    json_t *list = rows(&b);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    bench_free(&b);
}

static void without_memory_a_message_is_refused_or_written(void **state)
{
    SCARCE_SWEEP (n) {
        struct bench b = bench_new(state, NOBODY, false);
        scarce_begin(n, 1);
        bool put = put_one(&b, "a");
        pump(&b);
        scarce_end();
        while (put && b.saved == 0) {
            settle(&b);
            advance(b.p, 30000);
        }
        json_t *list = rows(&b);
        assert_int_equal(json_array_size(list), put);
        json_decref(list);
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_put_is_told_when_the_store_has_it),
        T(the_same_key_is_one_message),
        T(what_is_no_message_is_refused),
        T(a_mail_that_cannot_be_sent_waits_with_growing_pauses_and_expires),
        T(that_mails_do_not_get_out_is_known_until_one_got_to_the_server),
        T(without_the_store_messages_wait_in_memory_up_to_a_limit),
        T(at_the_stop_what_was_put_is_written),
        T(without_memory_a_message_is_refused_or_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
