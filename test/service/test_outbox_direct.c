/* test_outbox_direct.c: what is urgent while the store is away: sent from memory, and a row like all others when the
 * store is back. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "posting.h"

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
    json_t *list = rows(b), *row;
    size_t i;
    out[0] = '\0';
    json_array_foreach (list, i, row)
        if (strcmp(json_string_value(json_object_get(row, "key")), key) == 0)
            snprintf(out, 32, "%s", json_string_value(json_object_get(row, "state")));
    json_decref(list);
}

static void only_what_is_urgent_is_tried_without_the_store_with_the_pauses_of_a_row(void **state)
{
    struct bench b = bench_new(state, SETTINGS, true);
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
    struct bench b = bench_new(state, SETTINGS, true);
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
    struct bench b = bench_new(state, SETTINGS, true);
    char word[32];
    take_store_away(&b);
    assert_true(put_mail(&b, "nobody", true, json_array()));
    settle(&b);
    b.store->fails = 0;
    advance(b.p, 30000);
    while (b.p->storage.degraded) { /* and nothing is begun before it fails again */
        pump(&b);
        uv_run(&b.p->loop, UV_RUN_ONCE);
    }
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
    struct bench b = bench_new(state, SETTINGS, true);
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
        struct bench b = bench_new(state, SETTINGS, true);
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

/* The store has what was put just before, and answers no more. */
static void hang_with(struct bench *b, const char *key, json_t *to)
{
    faulty_hang(b->store, true);
    assert_true(put_mail(b, key, true, to));
    pump(b);
    faulty_wait_inside(b->store);
    advance(b->p, 10000);
    assert_true(b->p->storage.degraded);
    pump(b);
}

static void answer(struct bench *b, int code)
{
    b->store->fails = code;
    faulty_hang(b->store, false);
    settle(b);
}

static void sent_once_though_the_store_then_answers(void **state, int code)
{
    struct bench b = bench_new(state, SETTINGS, true);
    char word[32];
    hang_with(&b, "nobody", json_array());
    assert_int_equal(b.saved, 1);
    assert_int_equal(logged(b.p->s, "mail_failed"), 1);
    answer(&b, code);
    bring_store_back(&b);
    advance(b.p, 600000);
    settle(&b);
    state_of(&b, "nobody", word);
    assert_string_equal(word, "failed");
    assert_int_equal(b.saved, 1);
    assert_int_equal(logged(b.p->s, "mail_failed"), 1);
    assert_int_equal(logged(b.p->s, "mail_expired"), 0);
    bench_free(&b);
}

static void what_the_store_had_in_hand_when_it_hung_is_sent_without_it_once(void **state)
{
    sent_once_though_the_store_then_answers(state, 0);
}

static void what_a_hanging_store_then_refuses_is_sent_once(void **state)
{
    sent_once_though_the_store_then_answers(state, ERR_IO);
}

/* A mail server that takes the connection and says nothing. */
static int silent_server(char *settings, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(settings, size,
             STORE "[mail]\nserver = 127.0.0.1:%d\ntls = none\nfrom = a@example.com\nto = b@example.com\npause = 1m\n",
             ntohs(at.sin_port));
    return fd;
}

static void what_is_on_its_way_when_a_hanging_store_answers_is_not_sent_beside_it(void **state)
{
    char settings[512], word[32];
    int fd = silent_server(settings, sizeof settings);
    struct bench b = bench_new(state, settings, true);
    hang_with(&b, "urgent", NULL);
    faulty_hang(b.store, false);
    for (; b.p->storage.degraded; pump(&b))
        uv_run(&b.p->loop, UV_RUN_ONCE);
    assert_int_equal(b.saved, 1);
    assert_int_equal(logged(b.p->s, "mail_delayed"), 0);
    close(fd);
    settle(&b);
    assert_int_equal(logged(b.p->s, "mail_delayed"), 1);
    json_t *list = rows(&b), *row = json_array_get(list, 0);
    assert_int_equal(json_integer_value(json_object_get(row, "attempts")), 1);
    assert_true(json_is_string(json_object_get(row, "error")));
    json_decref(list);
    state_of(&b, "urgent", word);
    assert_string_equal(word, "waiting");
    advance(b.p, 75001); /* its pause, not the time that it was taken for */
    settle(&b);
    assert_int_equal(logged(b.p->s, "mail_delayed"), 2);
    assert_int_equal(b.saved, 1);
    bench_free(&b);
}

static void without_memory_what_the_store_had_in_hand_is_sent_later(void **state)
{
    SCARCE_SWEEP (n) {
        struct bench b = bench_new(state, SETTINGS, true);
        faulty_hang(b.store, true);
        assert_true(put_mail(&b, "nobody", true, json_array()));
        pump(&b);
        faulty_wait_inside(b.store);
        advance(b.p, 10000);
        scarce_begin(n, 1);
        pump(&b);
        scarce_end();
        for (int minute = 0; b.saved == 0 && minute < 3; minute++) {
            pump(&b);
            advance(b.p, 75001);
        }
        assert_int_equal(b.saved, 1);
        answer(&b, 0);
        char word[32];
        state_of(&b, "nobody", word);
        assert_string_equal(word, "failed");
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(only_what_is_urgent_is_tried_without_the_store_with_the_pauses_of_a_row),
        T(how_it_ended_is_told_at_once_and_stands_in_the_store_when_that_is_back),
        T(what_was_sent_is_not_sent_again_when_the_store_comes_back_only_for_a_moment),
        T(what_could_not_be_sent_before_it_expired_is_given_up_once),
        T(without_memory_it_is_sent_later),
        T(what_the_store_had_in_hand_when_it_hung_is_sent_without_it_once),
        T(what_a_hanging_store_then_refuses_is_sent_once),
        T(what_is_on_its_way_when_a_hanging_store_answers_is_not_sent_beside_it),
        T(without_memory_what_the_store_had_in_hand_is_sent_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
