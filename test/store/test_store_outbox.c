/* Messages, until they are sent. */
#include "contract.h"

static void put_message(struct store *s, const char *key, int64_t due_ms)
{
    struct error e = {0};
    json_t *document =
        json_pack("{s:s, s:[s, s], s:s}", "subject", "A day", "to", "a@example.com", "b@example.com", "text", "Hello");
    const struct store_message m = {.kind = "mail",
                                    .key = key,
                                    .document = document,
                                    .created_ms = NOON,
                                    .due_ms = due_ms,
                                    .expires_ms = NOON + 90000};
    assert_int_equal(store_outbox_put(s, &m, &e), 0);
    json_decref(document);
}

/* The keys that are taken, "a b"; until: when those are due again. */
static const char *taken(struct store *s, int64_t now_ms, int64_t until_ms, size_t most, int64_t *next)
{
    static char text[256];
    struct error e = {0};
    json_t *out, *one;
    size_t i;
    text[0] = '\0';
    const struct store_taking taking = {.instance = 1, .now_ms = now_ms, .until_ms = until_ms, .most = most};
    assert_int_equal(store_outbox_take(s, &taking, &out, &e), 0);
    json_array_foreach (json_object_get(out, "messages"), i, one) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? " " : "", text_of(one, "key"));
    }
    *next = json_integer_value(json_object_get(out, "next_ms"));
    json_decref(out);
    return text;
}

static void record_sent(struct store *s, const struct store_sent *sent)
{
    struct error e = {0};
    if (store_outbox_record(s, sent, &e) != 0) {
        fail_msg("%s", e.text);
    }
}

static json_t *outbox(struct store *s, unsigned states, size_t limit)
{
    struct error e = {0};
    json_t *out;
    assert_int_equal(store_outbox_list(s, states, limit, &out, &e), 0);
    return out;
}

#define TIMES_OF_A_MESSAGE "\"created_at\":\"2026-09-21T14:13:20.000Z\", \"expires_at\":\"2026-09-21T14:14:50.000Z\""

static void a_message_of_the_same_key_is_there_once(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "report:1", NOON);
    put_message(s, "report:1", NOON + 5000);
    json_t *all = outbox(s, 0, 0);
    assert_int_equal(json_array_size(all), 1);
    json_decref(all);
    assert_string_equal(taken(s, NOON, NOON + 1000, 10, &next), "report:1");
    record_sent(s, &(struct store_sent){.key = "report:1", .attempt = 1, .state = OUTBOX_SENT, .at_ms = NOON + 10});
    put_message(s, "report:1", NOON);
    assert_string_equal(taken(s, NOON + 9000, NOON + 10000, 10, &next), "");
    assert_int_equal(next, 0);
    store_close(s);
}

static void a_message_is_taken_when_it_is_due_and_by_nobody_else_meanwhile(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "late", NOON + 2000);
    put_message(s, "second", NOON + 100);
    put_message(s, "first", NOON);
    assert_string_equal(taken(s, NOON - 1, NOON + 60000, 10, &next), "");
    assert_int_equal(next, NOON);
    assert_string_equal(taken(s, NOON + 100, NOON + 60000, 0, &next), "");
    assert_string_equal(taken(s, NOON + 100, NOON + 59999, 1, &next), "first");
    assert_int_equal(next, NOON + 100);
    assert_string_equal(taken(s, NOON + 100, NOON + 60000, 10, &next), "second");
    assert_int_equal(next, NOON + 2000);
    assert_string_equal(taken(s, NOON + 2000, NOON + 60001, 10, &next), "late");
    assert_int_equal(next, NOON + 59999);
    assert_string_equal(taken(s, NOON + 60001, NOON + 80000, 10, &next), "first second late");
    store_close(s);
}

static void what_is_taken_says_all_that_is_needed_to_send_it(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    json_t *out;
    const struct store_taking taking = {.now_ms = NOON, .until_ms = NOON + 10, .most = 10};
    put_message(s, "a", NOON);
    assert_int_equal(store_outbox_take(s, &taking, &out, &e), 0);
    assert_json(out, "{\"messages\":[{\"kind\":\"mail\", \"key\":\"a\", \"attempt\":1, \"created_ms\":1790000000000,"
                     "\"expires_ms\":1790000090000, \"document\":{\"subject\":\"A day\", \"text\":\"Hello\","
                     "\"to\":[\"a@example.com\", \"b@example.com\"]}}], \"next_ms\":1790000000010}");
    store_close(s);
}

static void what_an_instance_had_in_hand_is_due_again_when_it_is_released(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    int64_t next;
    const struct store_taking other = {.instance = 2, .now_ms = NOON, .until_ms = NOON + 60000, .most = 1};
    json_t *out;
    put_message(s, "a", NOON);
    put_message(s, "b", NOON + 1);
    put_message(s, "c", NOON + 1);
    assert_int_equal(store_outbox_take(s, &other, &out, &e), 0); /* a */
    json_decref(out);
    assert_string_equal(taken(s, NOON + 10, NOON + 60000, 2, &next), "b c");
    record_sent(s, &(struct store_sent){
                       .key = "c", .attempt = 1, .state = OUTBOX_WAITING, .at_ms = NOON, .due_ms = NOON + 30000});
    assert_int_equal(store_outbox_release(s, 0, NOON + 20, &e), 0);
    assert_string_equal(taken(s, NOON + 20, NOON + 60000, 10, &next), "");
    assert_int_equal(store_outbox_release(s, 1, NOON + 20, &e), 0); /* not c: its pause goes on */
    assert_string_equal(taken(s, NOON + 20, NOON + 60000, 10, &next), "b");
    assert_int_equal(next, NOON + 30000);
    /* What the dead one would have recorded is not: it was taken anew. */
    record_sent(s, &(struct store_sent){.key = "b", .attempt = 1, .state = OUTBOX_SENT, .at_ms = NOON + 20});
    assert_string_equal(taken(s, NOON + 60000, NOON + 90000, 10, &next), "c a b");
    store_close(s);
}

static void a_message_that_failed_for_now_is_due_again_with_what_is_left_of_it(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    int64_t next;
    const struct store_taking again = {.now_ms = NOON + 7000, .until_ms = NOON + 60000, .most = 10};
    json_t *out, *left = json_pack("{s:s, s:[s]}", "subject", "A day", "to", "b@example.com");
    put_message(s, "a", NOON);
    assert_string_equal(taken(s, NOON, NOON + 60000, 10, &next), "a");
    record_sent(s, &(struct store_sent){.key = "a",
                                        .attempt = 1,
                                        .state = OUTBOX_WAITING,
                                        .at_ms = NOON,
                                        .due_ms = NOON + 7000,
                                        .error = "451 later",
                                        .document = left});
    json_decref(left);
    assert_json(outbox(s, 0, 0),
                "[{\"kind\":\"mail\", \"key\":\"a\", \"state\":\"waiting\", \"subject\":\"A day\","
                "\"to\":[\"b@example.com\"], " TIMES_OF_A_MESSAGE ", \"due_at\":\"2026-09-21T14:13:27.000Z\","
                "\"ended_at\":null, \"attempts\":1, \"error\":\"451 later\"}]");
    assert_string_equal(taken(s, NOON + 6999, NOON + 60000, 10, &next), "");
    assert_int_equal(store_outbox_take(s, &again, &out, &e), 0);
    assert_json(json_incref(json_array_get(json_object_get(out, "messages"), 0)),
                "{\"kind\":\"mail\", \"key\":\"a\", \"attempt\":2, \"created_ms\":1790000000000,"
                "\"expires_ms\":1790000090000,\"document\":{\"subject\":\"A day\", \"to\":[\"b@example.com\"]}}");
    json_decref(out);
    store_close(s);
}

static void of_an_ended_message_stays_what_lists_show(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "a", NOON);
    put_message(s, "b", NOON + 1);
    (void)taken(s, NOON, NOON + 60000, 10, &next);
    record_sent(s, &(struct store_sent){
                       .key = "a", .attempt = 1, .state = OUTBOX_FAILED, .at_ms = NOON + 1000, .error = "550 no"});
    assert_json(outbox(s, 1u << OUTBOX_FAILED, 0),
                "[{\"kind\":\"mail\", \"key\":\"a\", \"state\":\"failed\", \"subject\":\"A day\","
                "\"to\":[\"a@example.com\", \"b@example.com\"], " TIMES_OF_A_MESSAGE ", \"due_at\":null,"
                "\"ended_at\":\"2026-09-21T14:13:21.000Z\", \"attempts\":1, \"error\":\"550 no\"}]");
    json_t *all = outbox(s, 0, 1);
    assert_int_equal(json_array_size(all), 1);
    assert_string_equal(text_of(json_array_get(all, 0), "key"), "b"); /* the newest first */
    json_decref(all);
    store_close(s);
}

static void a_result_that_comes_after_another_took_the_message_counts_for_nothing(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "a", NOON);
    assert_string_equal(taken(s, NOON, NOON + 1000, 1, &next), "a");
    assert_string_equal(taken(s, NOON + 1000, NOON + 60000, 1, &next), "a");
    record_sent(s, &(struct store_sent){
                       .key = "a", .attempt = 1, .state = OUTBOX_FAILED, .at_ms = NOON + 1000, .error = "old"});
    record_sent(s, &(struct store_sent){.key = "none", .attempt = 1, .state = OUTBOX_SENT, .at_ms = NOON});
    json_t *all = outbox(s, 0, 0);
    assert_string_equal(text_of(json_array_get(all, 0), "state"), "waiting");
    json_decref(all);
    record_sent(s, &(struct store_sent){.key = "a", .attempt = 2, .state = OUTBOX_SENT, .at_ms = NOON + 2000});
    record_sent(s, &(struct store_sent){.key = "a", .attempt = 2, .state = OUTBOX_FAILED, .at_ms = NOON + 3000});
    all = outbox(s, 1u << OUTBOX_SENT, 0);
    assert_int_equal(json_array_size(all), 1);
    json_decref(all);
    store_close(s);
}

static void a_message_that_expires_keeps_its_last_error(void **state)
{
    (void)state;
    struct store *s = opened();
    int64_t next;
    put_message(s, "a", NOON);
    (void)taken(s, NOON, NOON + 1000, 1, &next);
    struct store_sent sent = {.key = "a", .attempt = 1, .state = OUTBOX_WAITING, .due_ms = NOON, .error = "451 later"};
    record_sent(s, &sent);
    (void)taken(s, NOON, NOON + 1000, 1, &next);
    sent = (struct store_sent){.key = "a", .attempt = 2, .state = OUTBOX_EXPIRED, .at_ms = NOON};
    record_sent(s, &sent);
    json_t *all = outbox(s, 1u << OUTBOX_EXPIRED, 0);
    assert_string_equal(text_of(json_array_get(all, 0), "error"), "451 later");
    json_decref(all);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_DRIVER(a_message_of_the_same_key_is_there_once),
        EACH_DRIVER(a_message_is_taken_when_it_is_due_and_by_nobody_else_meanwhile),
        EACH_DRIVER(what_is_taken_says_all_that_is_needed_to_send_it),
        EACH_DRIVER(what_an_instance_had_in_hand_is_due_again_when_it_is_released),
        EACH_DRIVER(a_message_that_failed_for_now_is_due_again_with_what_is_left_of_it),
        EACH_DRIVER(of_an_ended_message_stays_what_lists_show),
        EACH_DRIVER(a_result_that_comes_after_another_took_the_message_counts_for_nothing),
        EACH_DRIVER(a_message_that_expires_keeps_its_last_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
