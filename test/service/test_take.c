/* test_take.c: what one look makes of a file, by real files and real leases. */
#include <sys/wait.h>

#include "shunt/core/name.h"

#include "../io/old_kernel.h"
#include "parts.h"

struct bench {
    struct scratch *s;
    struct config *config;
    struct clock_virtual clock;
    struct take_item item; /* of the last look */
};

static struct bench *bench_new(void **state, const char *settings)
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

static void bench_free(struct bench *b)
{
    take_item_fini(&b->item);
    config_free(b->config);
    free(b);
}

static enum taken look_again(struct bench *b)
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
    return item->taken;
}

static enum taken look(struct bench *b, const char *client, const char *name)
{
    take_item_fini(&b->item);
    b->item = (struct take_item){.client = client, .name = name, .source.fd = -1};
    b->item.kind = name_kind_of(name, &b->config->settings->tickets, &b->config->settings->files);
    return look_again(b);
}

/* Looks at the file as often as the looks themselves ask for, up to so long a time. Returns how long it took. */
static int64_t look_until_settled(struct bench *b, int64_t limit_ms)
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

static void assert_left_in_hot(struct bench *b, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "hot/RANK/%s", name);
    assert_true(exists(in(b->s, path)));
    snprintf(path, sizeof path, "under/0/RANK/%s", name);
    assert_false(exists(in(b->s, path)));
}

static void assert_claimed(struct bench *b, const char *name)
{
    char path[400];
    assert_int_equal(b->item.taken, TAKEN_CLAIMED);
    assert_true(b->item.claimed);
    snprintf(path, sizeof path, "hot/RANK/%s", name);
    assert_false(exists(in(b->s, path)));
    snprintf(path, sizeof path, "under/0/RANK/%s", name);
    assert_true(exists(in(b->s, path)));
}

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

static void another_client_than_the_folder_is_invalid_by_default(void **state)
{
    struct bench *b = bench_new(state, "");
    put(in(b->s, "hot/RANK/a.json"), TICKET("OTHER"));
    look(b, "RANK", "a.json");
    assert_claimed(b, "a.json");
    assert_true(b->item.invalid);
    assert_string_equal(b->item.error.text, "ClientCode \"OTHER\" does not match folder RANK");
    bench_free(b);
}

static void the_folder_decides_where_the_policy_says_so(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nclient_mismatch = folder\n");
    put(in(b->s, "hot/RANK/a.json"), TICKET("OTHER"));
    look(b, "RANK", "a.json");
    assert_false(b->item.invalid);
    assert_string_equal(b->item.ticket.fields[FIELD_CLIENT].text, "RANK");
    assert_string_equal(b->item.declared, "OTHER");
    bench_free(b);
}

static void the_ticket_decides_where_the_policy_says_so(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nclient_mismatch = ticket\n");
    put(in(b->s, "hot/RANK/a.json"), TICKET("OTHER"));
    look(b, "RANK", "a.json");
    assert_false(b->item.invalid);
    assert_string_equal(b->item.ticket.fields[FIELD_CLIENT].text, "OTHER");
    put(in(b->s, "hot/b.json"), TICKET("OTHER"));
    look(b, "", "b.json");
    assert_int_equal(b->item.taken, TAKEN_CLAIMED);
    assert_false(b->item.invalid);
    assert_true(exists(in(b->s, "under/0/b.json")));
    bench_free(b);
}

static void a_ticket_right_in_the_hot_root_is_invalid_and_says_where_it_belongs(void **state)
{
    struct bench *b = bench_new(state, "");
    put(in(b->s, "hot/a.json"), TICKET("RANK"));
    assert_int_equal(look(b, "", "a.json"), TAKEN_CLAIMED);
    assert_true(b->item.invalid);
    assert_non_null(strstr(b->item.error.text, "/hot/RANK"));
    assert_true(exists(in(b->s, "under/0/a.json")));
    bench_free(b);
}

static void an_opaque_file_is_taken_without_being_parsed(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nfiles = *.pdf\n");
    put(in(b->s, "hot/RANK/a.pdf"), "%PDF no json");
    look(b, "RANK", "a.pdf");
    assert_claimed(b, "a.pdf");
    assert_false(b->item.invalid);
    assert_null(b->item.declared);
    assert_int_equal(b->item.n_destinations, 2);
    assert_string_equal(b->item.ticket.fields[FIELD_CLIENT].text, "RANK");
    bench_free(b);
}

static void a_bad_name_is_claimed_as_invalid(void **state)
{
    struct bench *b = bench_new(state, "");
    put(in(b->s, "hot/RANK/a\nb.json"), TICKET("RANK"));
    look(b, "RANK", "a\nb.json");
    assert_claimed(b, "a\nb.json");
    assert_true(b->item.invalid);
    assert_int_equal(b->item.error.code, ERR_BAD_NAME);
    bench_free(b);
}

static void what_is_gone_or_no_regular_file_is_left_alone(void **state)
{
    struct bench *b = bench_new(state, "");
    assert_int_equal(look(b, "RANK", "gone.json"), TAKEN_GONE);
    put(in(b->s, "elsewhere.json"), TICKET("RANK"));
    assert_int_equal(symlink("../../elsewhere.json", in(b->s, "hot/RANK/link.json")), 0);
    assert_int_equal(look(b, "RANK", "link.json"), TAKEN_GONE);
    assert_left_in_hot(b, "link.json");
    make_folder(b->s, "hot/RANK/folder.json");
    assert_int_equal(look(b, "RANK", "folder.json"), TAKEN_GONE);
    assert_left_in_hot(b, "folder.json");
    assert_int_equal(mkfifo(in(b->s, "hot/RANK/fifo.json"), 0644), 0);
    assert_int_equal(look(b, "RANK", "fifo.json"), TAKEN_GONE);
    assert_left_in_hot(b, "fifo.json");
    assert_int_equal(look(b, "NOFOLDER", "a.json"), TAKEN_GONE);
    bench_free(b);
}

static void a_client_folder_that_is_a_link_is_not_entered(void **state)
{
    struct bench *b = bench_new(state, "");
    make_folder(b->s, "elsewhere");
    put(in(b->s, "elsewhere/a.json"), TICKET("RANK"));
    assert_int_equal(symlink("../elsewhere", in(b->s, "hot/LINK")), 0);
    assert_int_equal(look(b, "LINK", "a.json"), TAKEN_GONE);
    assert_file(in(b->s, "elsewhere/a.json"), TICKET("RANK"));
    bench_free(b);
}

static int give_away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return lchown(path, 65534, 65534);
}

/* Root may read everything: as another user for the length of the test. */
static void be_nobody(struct bench *b)
{
    if (geteuid() != 0)
        return;
    assert_int_equal(nftw(b->s->root, give_away, 16, FTW_PHYS), 0);
    assert_int_equal(seteuid(65534), 0);
}

static void be_root_again(void)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
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

static void a_folder_or_fifo_that_may_not_be_read_is_left_alone_for_ever(void **state)
{
    struct bench *b = bench_new(state, "[intake]\nsettle = 10ms\nsettle_complete = 10ms\n");
    make_folder(b->s, "hot/RANK/folder.json");
    assert_int_equal(chmod(in(b->s, "hot/RANK/folder.json"), 0), 0);
    assert_int_equal(mkfifo(in(b->s, "hot/RANK/fifo.json"), 0), 0);
    be_nobody(b);
    look(b, "RANK", "folder.json");
    look_until_settled(b, 1000);
    enum taken folder = b->item.taken;
    look(b, "RANK", "fifo.json");
    look_until_settled(b, 1000);
    enum taken fifo = b->item.taken;
    be_root_again();
    chmod(in(b->s, "hot/RANK/folder.json"), 0755);
    assert_int_equal(folder, TAKEN_GONE);
    assert_int_equal(fifo, TAKEN_GONE);
    assert_left_in_hot(b, "folder.json");
    assert_left_in_hot(b, "fifo.json");
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

static void a_missing_underprocess_folder_is_told_and_the_file_stays(void **state)
{
    struct bench *b = bench_new(state, "");
    put(in(b->s, "hot/RANK/a.json"), TICKET("RANK"));
    assert_int_equal(rmdir(in(b->s, "under/0")), 0);
    assert_int_equal(look(b, "RANK", "a.json"), TAKEN_WAIT);
    assert_int_not_equal(b->item.error.code, 0);
    assert_true(exists(in(b->s, "hot/RANK/a.json")));
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

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_complete_ticket_is_claimed_at_once_and_routed),
        T(a_ticket_is_claimed_on_every_file_system),
        T(an_incomplete_ticket_waits_and_is_invalid_after_the_settle_time),
        T(a_broken_ticket_waits_and_is_invalid_with_its_place),
        T(a_growing_ticket_is_never_invalid_and_is_taken_when_it_is_whole),
        T(a_complete_ticket_with_a_writer_is_left_to_him),
        T(a_writer_that_lets_go_without_another_byte_makes_no_settle_time),
        T(a_name_that_is_still_in_underprocess_is_busy),
        T(a_claimed_file_is_looked_at_where_it_lies),
        T(what_was_renamed_over_it_between_look_and_claim_is_what_is_taken),
        T(what_was_renamed_over_it_and_is_not_whole_waits_in_underprocess),
        T(a_link_that_was_claimed_in_place_of_the_file_is_put_back),
        T(what_is_no_file_does_not_block_its_name_in_underprocess),
        T(what_is_no_file_and_cannot_be_put_back_is_told_and_tried_again),
        T(another_client_than_the_folder_is_invalid_by_default),
        T(the_folder_decides_where_the_policy_says_so),
        T(the_ticket_decides_where_the_policy_says_so),
        T(a_ticket_right_in_the_hot_root_is_invalid_and_says_where_it_belongs),
        T(an_opaque_file_is_taken_without_being_parsed),
        T(a_bad_name_is_claimed_as_invalid),
        T(what_is_gone_or_no_regular_file_is_left_alone),
        T(a_client_folder_that_is_a_link_is_not_entered),
        T(a_ticket_that_may_not_be_read_is_invalid_after_the_settle_time),
        T(a_ticket_that_may_be_read_again_in_time_is_taken),
        T(a_folder_or_fifo_that_may_not_be_read_is_left_alone_for_ever),
        T(a_claim_that_cannot_be_made_leaves_the_file_and_is_tried_again),
        T(a_missing_underprocess_folder_is_told_and_the_file_stays),
        T(no_memory_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
