/* test_take_kinds.c: what a file is taken as: by its folder, its name and its kind, and what is left alone. */
#include "looking.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(another_client_than_the_folder_is_invalid_by_default),
        T(the_folder_decides_where_the_policy_says_so),
        T(the_ticket_decides_where_the_policy_says_so),
        T(a_ticket_right_in_the_hot_root_is_invalid_and_says_where_it_belongs),
        T(an_opaque_file_is_taken_without_being_parsed),
        T(a_bad_name_is_claimed_as_invalid),
        T(what_is_gone_or_no_regular_file_is_left_alone),
        T(a_client_folder_that_is_a_link_is_not_entered),
        T(a_folder_or_fifo_that_may_not_be_read_is_left_alone_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
