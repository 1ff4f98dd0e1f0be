/* test_take_claim.c: the claim: a name in underprocess, what was put in the place of a file meanwhile, and what cannot
 * be claimed. */
#include "../io/old_kernel.h"
#include "looking.h"

static void look_at_a(void *arg)
{
    look(arg, "RANK", "a.json");
}

static void a_ticket_is_claimed_on_every_file_system(void **state)
{
    for (int links = 0; links < 2; links++) {
        struct bench *b = bench_new(state, "");
        put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
        on_old_kernel(links, look_at_a, b);
        assert_claimed(b, "a.json");
        put(in(b->s, "hot/RANK/a.json"), TICKET("RANK") " "); /* the name is not given twice */
        on_old_kernel(links, look_at_a, b);
        assert_int_equal(b->item.taken, TAKEN_BUSY);
        assert_file(in(b->s, "under/0/RANK/a.json"), TICKET("RANK"));
        assert_file(in(b->s, "hot/RANK/a.json"), TICKET("RANK") " ");
        assert_int_equal(remove(in(b->s, "under/0/RANK/a.json")), 0);
        bench_free(b);
    }
}

static void a_name_that_is_still_in_underprocess_is_busy(void **state)
{
    struct bench *b = bench_new(state, "");
    make_folder(b->s, "under/0/RANK");
    put(in(b->s, "under/0/RANK/a.json"), "older");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_BUSY);
    assert_file(in(b->s, "under/0/RANK/a.json"), "older");
    assert_file(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    assert_int_equal(b->item.source.fd, -1);
    bench_free(b);
}

static void a_claimed_file_is_looked_at_where_it_lies(void **state)
{
    struct bench *b = bench_new(state, "");
    make_folder(b->s, "under/0/RANK");
    put(in(b->s, "under/0/RANK/a.json"), TICKET("RANK"));
    put(in(b->s, "hot/RANK/a.json"), "newer");
    b->item =
        (struct take_item){.client = "RANK", .name = "a.json", .kind = NAME_TICKET, .claimed = true, .source.fd = -1};
    assert_int_equal(look_again(b), TAKEN_CLAIMED);
    assert_false(b->item.invalid);
    assert_file(in(b->s, "under/0/RANK/a.json"), TICKET("RANK"));
    assert_file(in(b->s, "hot/RANK/a.json"), "newer");
    bench_free(b);
}

/* The clock is read between the look and the claim: the moment to be the producer. */
struct meddler {
    struct clock clock;
    struct scratch *s;
    const char *newer; /* renamed over a.json at the next reading of the clock; "": a link to nowhere is */
};

static int64_t meddle(const struct clock *clock)
{
    struct meddler *m = (struct meddler *)(uintptr_t)clock;
    if (m->newer) {
        if (m->newer[0])
            put(in(m->s, "hot/RANK/.newer"), m->newer);
        else
            assert_int_equal(symlink("nowhere", in(m->s, "hot/RANK/.newer")), 0);
        assert_int_equal(rename(in(m->s, "hot/RANK/.newer"), in(m->s, "hot/RANK/a.json")), 0);
        m->newer = NULL;
    }
    return 1000;
}

static void look_with_meddler(struct bench *b, const char *newer)
{
    struct meddler m = {.clock = {.mono_ms = meddle, .wall_ms = meddle}, .s = b->s, .newer = newer};
    char under[600];
    snprintf(under, sizeof under, "%s/0", b->config->underprocess);
    b->item = (struct take_item){.client = "RANK", .name = "a.json", .kind = NAME_TICKET, .source.fd = -1};
    struct take_batch batch = {.config = b->config,
                               .clock = &m.clock,
                               .underprocess = under,
                               .routes = b->config->routes,
                               .items = &b->item,
                               .count = 1};
    take_run(&batch);
}

static void what_was_renamed_over_it_between_look_and_claim_is_what_is_taken(void **state)
{
    struct bench *b = bench_new(state, "");
    const char *newer = "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"RANK\",\"JobCategory\":\"NEWER\"}}}";
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    look_with_meddler(b, newer);
    assert_claimed(b, "a.json");
    assert_string_equal(b->item.ticket.fields[FIELD_CATEGORY].text, "NEWER");
    assert_int_equal(b->item.content.size, strlen(newer));
    bench_free(b);
}

static void what_was_renamed_over_it_and_is_not_whole_waits_in_underprocess(void **state)
{
    struct bench *b = bench_new(state, "");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    look_with_meddler(b, "{\"half");
    assert_int_equal(b->item.taken, TAKEN_WAIT);
    assert_true(b->item.claimed);
    assert_file(in(b->s, "under/0/RANK/a.json"), "{\"half");
    assert_int_equal(b->item.source.fd, -1);
    bench_free(b);
}

static void a_link_that_was_claimed_in_place_of_the_file_is_put_back(void **state)
{
    struct bench *b = bench_new(state, "");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    look_with_meddler(b, "");
    assert_int_equal(b->item.taken, TAKEN_PUT_BACK);
    assert_false(b->item.claimed);
    assert_left_in_hot(b, "a.json");
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_GONE);
    assert_int_equal(entries(in(b->s, "hot/RANK")), 1);
    bench_free(b);
}

/* A producer was quicker than we, or we were killed before we could. */
static void what_is_no_file_does_not_block_its_name_in_underprocess(void **state)
{
    struct bench *b = bench_new(state, "");
    make_folder(b->s, "under/0/RANK");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(symlink("nowhere", in(b->s, "under/0/RANK/a.json")), 0);
        put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
        take_item_fini(&b->item);
        b->item = (struct take_item){
            .client = "RANK", .name = "a.json", .kind = NAME_TICKET, .claimed = true, .source.fd = -1};
        assert_int_equal(look_again(b), TAKEN_PUT_BACK);
        assert_false(b->item.claimed);
        assert_non_null(
            strstr(b->item.error.text, round == 0 ? "RANK/a (not a file).json" : "RANK/a (not a file 2).json"));
        look(b, "RANK", "a.json");
        assert_claimed(b, "a.json");
        assert_int_equal(unlink(in(b->s, "under/0/RANK/a.json")), 0);
    }
    assert_true(exists(in(b->s, "hot/RANK/a (not a file).json")));
    assert_true(exists(in(b->s, "hot/RANK/a (not a file 2).json")));
    assert_int_equal(look(b, "RANK", "a (not a file).json"), TAKEN_GONE);
    bench_free(b);
}

static void what_is_no_file_and_cannot_be_put_back_is_told_and_tried_again(void **state)
{
    struct bench *b = bench_new(state, "");
    make_folder(b->s, "under/0/RANK/a.json");
    assert_int_equal(rmdir(in(b->s, "hot/RANK")), 0);
    b->item =
        (struct take_item){.client = "RANK", .name = "a.json", .kind = NAME_TICKET, .claimed = true, .source.fd = -1};
    assert_int_equal(look_again(b), TAKEN_WAIT);
    assert_true(b->item.claimed);
    assert_non_null(strstr(b->item.error.text, "cannot be put back"));
    make_folder(b->s, "hot/RANK");
    assert_int_equal(look_again(b), TAKEN_PUT_BACK);
    assert_left_in_hot(b, "a.json");
    bench_free(b);
}

static void a_claim_that_cannot_be_made_leaves_the_file_and_is_tried_again(void **state)
{
    struct bench *b = bench_new(state, "");
    make_folder(b->s, "under/0/RANK");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    be_nobody(b);
    assert_int_equal(chmod(in(b->s, "under/0/RANK"), 0555), 0);
    size_t before = open_descriptors();
    look(b, "RANK", "a.json");
    size_t after = open_descriptors();
    be_root_again();
    assert_int_equal(b->item.taken, TAKEN_WAIT);
    assert_true(b->item.pause_ms > 0);
    assert_int_not_equal(b->item.error.code, 0);
    assert_false(b->item.claimed);
    assert_int_equal(after, before);
    assert_left_in_hot(b, "a.json");
    assert_int_equal(chmod(in(b->s, "under/0/RANK"), 0755), 0);
    look_again(b);
    assert_claimed(b, "a.json");
    bench_free(b);
}

static void a_missing_underprocess_folder_bars_all_and_the_file_stays(void **state)
{
    struct bench *b = bench_new(state, "");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    assert_int_equal(rmdir(in(b->s, "under/0")), 0);
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_BARRED);
    assert_non_null(strstr(b->barred.text, "under/0"));
    assert_true(exists(in(b->s, "hot/RANK/a.json")));
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_ticket_is_claimed_on_every_file_system),
        T(a_name_that_is_still_in_underprocess_is_busy),
        T(a_claimed_file_is_looked_at_where_it_lies),
        T(what_was_renamed_over_it_between_look_and_claim_is_what_is_taken),
        T(what_was_renamed_over_it_and_is_not_whole_waits_in_underprocess),
        T(a_link_that_was_claimed_in_place_of_the_file_is_put_back),
        T(what_is_no_file_does_not_block_its_name_in_underprocess),
        T(what_is_no_file_and_cannot_be_put_back_is_told_and_tried_again),
        T(a_claim_that_cannot_be_made_leaves_the_file_and_is_tried_again),
        T(a_missing_underprocess_folder_bars_all_and_the_file_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
