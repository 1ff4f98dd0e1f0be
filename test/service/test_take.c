/* test_take.c: when a file is whole: what one look makes of it, and the looks after that. */
#include "looking.h"

static void a_complete_ticket_is_claimed_at_once_and_routed(void **state)
{
    struct bench *b = bench_new(state, "");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    look(b, "RANK", "a.json");
    assert_claimed(b, "a.json");
    assert_false(b->item.invalid);
    assert_int_equal(b->item.n_destinations, 2);
    assert_string_equal(b->item.declared, "RANK");
    assert_int_equal(b->item.content.size, strlen(TICKET("RANK")));
    assert_memory_equal(b->item.content.bytes, TICKET("RANK"), strlen(TICKET("RANK")));
    assert_true(source_quiet(&b->item.source));
    bench_free(b);
}

static void an_incomplete_ticket_waits_and_is_invalid_after_the_settle_time(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nsettle = 2s\n");
    put(in(b->s, "hot/RANK/a.json"), "{\"JobSpecification\":");
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_WAIT);
    assert_left_in_hot(b, "a.json");
    assert_int_equal(look_until_settled(b, 10000), 2000);
    assert_claimed(b, "a.json");
    assert_true(b->item.invalid);
    assert_non_null(strstr(b->item.error.text, "ends too early"));
    bench_free(b);
}

static void a_broken_ticket_waits_and_is_invalid_with_its_place(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nsettle = 2s\n");
    put(in(b->s, "hot/RANK/a.json"), "{\n \"a\": nonsense}");
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_WAIT);
    assert_int_equal(look_until_settled(b, 10000), 2000);
    assert_claimed(b, "a.json");
    assert_true(b->item.invalid);
    assert_non_null(strstr(b->item.error.text, "line 2"));
    bench_free(b);
}

static void a_growing_ticket_is_never_invalid_and_is_taken_when_it_is_whole(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nsettle = 1s\n");
    const char *text = TICKET("RANK");
    put(in(b->s, "hot/RANK/a.json"), "");
    look(b, "RANK", "a.json");
    for (size_t len = 1; len + 2 < strlen(text); len++) { /* without the last brace */
        put_bytes(in(b->s, "hot/RANK/a.json"), text, len);
        clock_virtual_advance(&b->clock, 900);
        assert_int_equal(look_again(b), TAKEN_WAIT);
    }
    assert_left_in_hot(b, "a.json");
    put(in(b->s, "hot/RANK/a.json"), text);
    look_again(b);
    assert_claimed(b, "a.json");
    assert_false(b->item.invalid);
    bench_free(b);
}

static void a_complete_ticket_with_a_writer_is_left_to_him(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nsettle = 100ms\nsettle_complete = 50ms\n");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    int writer = open(in(b->s, "hot/RANK/a.json"), O_WRONLY);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(i == 0 ? look(b, "RANK", "a.json") : look_again(b), TAKEN_WAIT);
        clock_virtual_advance(&b->clock, 1000);
    }
    assert_left_in_hot(b, "a.json");
    close(writer);
    look_again(b);
    assert_claimed(b, "a.json");
    assert_false(b->item.invalid);
    bench_free(b);
}

/* The last write came before the first look: nothing but the writer's going tells that the file is whole. */
static void a_writer_that_lets_go_without_another_byte_makes_no_settle_time(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nsettle = 1h\n");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    int writer = open(in(b->s, "hot/RANK/a.json"), O_WRONLY);
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_WAIT);
    close(writer);
    clock_virtual_advance(&b->clock, b->item.pause_ms);
    look_again(b);
    assert_claimed(b, "a.json");
    bench_free(b);
}

static void a_ticket_that_may_not_be_read_is_invalid_after_the_settle_time(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nsettle = 2s\n");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    assert_int_equal(chmod(in(b->s, "hot/RANK/a.json"), 0), 0);
    be_nobody(b);
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_WAIT);
    int64_t waited = look_until_settled(b, 10000);
    be_root_again();
    assert_int_equal(waited, 2000);
    assert_claimed(b, "a.json");
    assert_true(b->item.invalid);
    assert_int_equal(b->item.error.code, ERR_UNREADABLE);
    bench_free(b);
}

static void a_ticket_that_may_be_read_again_in_time_is_taken(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nsettle = 2s\n");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    assert_int_equal(chmod(in(b->s, "hot/RANK/a.json"), 0), 0);
    be_nobody(b);
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_WAIT);
    be_root_again();
    assert_int_equal(chmod(in(b->s, "hot/RANK/a.json"), 0644), 0);
    clock_virtual_advance(&b->clock, 10);
    look_again(b);
    assert_claimed(b, "a.json");
    assert_false(b->item.invalid);
    bench_free(b);
}

/* Whatever allocation fails: the file lies whole in hot or in underprocess, nothing leaks, and the next look takes it. */
static void take_without_memory(void **state, const char *settings, const char *name, const char *text)
{
    char hot[64], under[64];
    snprintf(hot, sizeof hot, "hot/RANK/%s", name);
    snprintf(under, sizeof under, "under/0/RANK/%s", name);
    SCARCE_SWEEP (n) {
        struct bench *b = bench_new(state, settings);
        make_folder(b->s, "under/0/RANK");
        put(in(b->s, hot), text);
        size_t before = open_descriptors();
        scarce_begin(n, 1);
        enum taken taken = look(b, "RANK", name);
        bool hit = scarce_end();
        bool in_hot = exists(in(b->s, hot)), in_under = exists(in(b->s, under));
        assert_int_equal(in_hot + in_under, 1);
        assert_int_equal(b->item.claimed, in_under);
        if (taken != TAKEN_CLAIMED) {
            assert_true(hit);
            assert_int_equal(taken, TAKEN_WAIT);
            assert_int_equal(open_descriptors(), before);
            look_again(b);
        }
        assert_claimed(b, name);
        assert_false(b->item.invalid);
        assert_int_equal(b->item.n_destinations, 2);
        assert_string_equal(b->item.ticket.fields[FIELD_CLIENT].text, "RANK");
        unlink(in(b->s, under));
        bench_free(b);
    }
}

static void no_memory_loses_nothing(void **state)
{
    take_without_memory(state, "", "a.json", TICKET("RANK"));
    take_without_memory(state, "[intake]\nclient_mismatch = folder\n", "a.json", TICKET("OTHER"));
    take_without_memory(state, "[intake]\nfiles = *.pdf\n", "a.pdf", "%PDF");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_complete_ticket_is_claimed_at_once_and_routed),
        T(an_incomplete_ticket_waits_and_is_invalid_after_the_settle_time),
        T(a_broken_ticket_waits_and_is_invalid_with_its_place),
        T(a_growing_ticket_is_never_invalid_and_is_taken_when_it_is_whole),
        T(a_complete_ticket_with_a_writer_is_left_to_him),
        T(a_writer_that_lets_go_without_another_byte_makes_no_settle_time),
        T(a_ticket_that_may_not_be_read_is_invalid_after_the_settle_time),
        T(a_ticket_that_may_be_read_again_in_time_is_taken),
        T(no_memory_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
