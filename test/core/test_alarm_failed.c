/* Mails about failed tickets, and how many mails there are. */
#include "alarm_life.h"

static void five_hundred_failed_tickets_are_one_mail(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    for (unsigned i = 0; i < 500; i++)
        fail_ticket(a, i % 5 == 0 ? "3M" : "RANK", i % 2 ? "disk full" : "no such folder", i, START + i * SECOND);
    assert_string_equal(told(a, START + 15 * MINUTE - 1), "");
    json_t *mail = alarm_mail(a, START + 15 * MINUTE);
    const json_t *item = item_of(mail, 0), *groups = json_object_get(item, "groups");
    assert_string_equal(text_of(item, "what"), "failed");
    assert_int_equal(json_integer_value(json_object_get(item, "count")), 500);
    assert_int_equal(json_array_size(groups), 4);
    assert_string_equal(text_of(json_array_get(groups, 0), "client"), "3M");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(groups, 0), "count")), 50);
    alarm_mailed(a, mail, START + 15 * MINUTE);
    json_decref(mail);
    assert_string_equal(told(a, START + 16 * MINUTE), "");
    fail_ticket(a, "RANK", "disk full", 1, START + HOUR);
    assert_string_equal(told(a, START + HOUR + 15 * MINUTE), "failed");
    alarm_free(a);
}

static void what_happens_while_a_mail_is_put_is_told_by_the_next(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    fail_ticket(a, "RANK", "disk full", 1, START);
    fail_ticket(a, "3M", "disk full", 2, START);
    json_t *mail = alarm_mail(a, START + HOUR);
    fail_ticket(a, "3M", "disk full", 3, START + HOUR);
    fail_ticket(a, "BAYER", "disk full", 4, START + HOUR);
    alarm_mailed(a, mail, START + HOUR);
    json_decref(mail);
    assert_string_equal(told(a, START + HOUR), "");
    mail = alarm_mail(a, START + HOUR + 15 * MINUTE);
    const json_t *item = item_of(mail, 0), *groups = json_object_get(item, "groups");
    assert_int_equal(json_integer_value(json_object_get(item, "count")), 2);
    assert_string_equal(text_of(json_array_get(groups, 0), "name"), "2.json");
    assert_string_equal(text_of(json_array_get(groups, 1), "name"), "4.json");
    json_decref(mail);

    raise_it(a, "celtra", START + 2 * HOUR);
    told(a, START + 3 * HOUR);
    told(a, START + 3 * HOUR);
    clear_it(a, "celtra", START + 3 * HOUR);
    mail = alarm_mail(a, START + 4 * HOUR);
    assert_string_equal(text_of(item_of(mail, 0), "what"), "recovered");
    raise_it(a, "celtra", START + 4 * HOUR);
    alarm_mailed(a, mail, START + 4 * HOUR);
    json_decref(mail);
    assert_string_equal(told(a, START + 4 * HOUR), "");
    assert_string_equal(told(a, START + 4 * HOUR + MINUTE), "opened");
    alarm_free(a);
}

static void of_very_many_reasons_the_further_ones_are_counted(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    char error[32];
    for (unsigned i = 0; i < ALARM_GROUPS_MAX + 7; i++) {
        snprintf(error, sizeof error, "fault %u", i);
        fail_ticket(a, "RANK", error, i, START);
    }
    json_t *mail = alarm_mail(a, START + HOUR);
    assert_int_equal(json_array_size(json_object_get(item_of(mail, 0), "groups")), ALARM_GROUPS_MAX);
    assert_int_equal(json_integer_value(json_object_get(item_of(mail, 0), "more")), 7);
    json_decref(mail);
    alarm_free(a);
}

static void failed_tickets_are_told_as_it_is_set(void **state)
{
    (void)state;
    struct alarm_policy set = policy;
    set.digest_ms = 0;
    struct alarm *a = alarm_new(&set);
    fail_ticket(a, "RANK", "disk full", 1, START);
    assert_string_equal(told(a, START), "failed");
    alarm_free(a);
    set.digest_ms = -1;
    a = alarm_new(&set);
    fail_ticket(a, "RANK", "disk full", 1, START);
    assert_string_equal(told(a, START + 100 * HOUR), "");
    alarm_free(a);
}

static void beyond_the_budget_mails_are_put_together(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    char subject[32];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(subject, sizeof subject, "destination-%u", i);
        raise_it(a, subject, START);
    }
    json_t *mail = alarm_mail(a, START + MINUTE);
    assert_int_equal(json_array_size(json_object_get(mail, "items")), 20);
    alarm_mailed(a, mail, START + MINUTE);
    json_decref(mail);
    assert_string_equal(told(a, START + MINUTE), "");
    alarm_free(a);
}

static void what_is_over_before_there_is_a_mail_left_is_told_once(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    char subject[32];
    for (unsigned i = 0; i < 5; i++) {
        snprintf(subject, sizeof subject, "destination-%u", i);
        raise_it(a, subject, START + i * SECOND);
        assert_string_equal(told(a, START + MINUTE + i * SECOND), "opened");
    }
    raise_it(a, "celtra", START + 2 * MINUTE);
    assert_string_equal(told(a, START + 4 * MINUTE), "");
    clear_it(a, "celtra", START + 16 * MINUTE);
    assert_string_equal(told(a, START + 20 * MINUTE), "");
    assert_string_equal(told(a, START + 21 * MINUTE), "recovered");
    assert_string_equal(told(a, START + 40 * MINUTE), "");
    alarm_free(a);
}

static void notes_leave_a_mail_for_what_is_wrong(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    const struct alarm_cause note = {.kind = "attempt", .subject = "x", .title = "Attempt 1/3"};
    for (unsigned i = 0; i < 20; i++) {
        alarm_note(a, &note, START + i * SECOND);
        (void)told(a, START + i * SECOND);
    }
    raise_it(a, "celtra", START + MINUTE);
    assert_non_null(strstr(told(a, START + 2 * MINUTE), "opened"));
    alarm_free(a);
}

static void a_spent_budget_comes_back_bit_by_bit(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    const struct alarm_cause note = {.kind = "attempt", .subject = "x", .title = "Attempt 1/3"};
    size_t mails = 0, items = 0;
    for (int64_t now = 0; now < HOUR; now += MINUTE) {
        alarm_note(a, &note, START + now);
        const char *words = told(a, START + now);
        mails += words[0] != '\0';
        for (; *words; words++)
            items += *words == 'n'; /* of "note" */
    }
    assert_in_range(mails, 8, 9);   /* one is kept for what is wrong */
    assert_in_range(items, 45, 60); /* what is left waits for no longer than 12 min */
    alarm_free(a);
}

static void names_that_are_no_text_are_told_as_text(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    const struct alarm_failure f = {.client = "R\xff", .error = "line\x1b[2J", .name = "x\n    rm -rf.json"};
    alarm_failed(a, &f, START);
    alarm_failed(a, &f, START);
    json_t *mail = alarm_mail(a, START + HOUR);
    assert_non_null(mail);
    const json_t *groups = json_object_get(item_of(mail, 0), "groups");
    assert_null(strchr(text_of(json_array_get(groups, 0), "error"), '\x1b'));
    assert_int_equal(json_array_size(groups), 1);
    assert_string_equal(text_of(json_array_get(groups, 0), "name"), "x\\n    rm -rf.json");
    alarm_mailed(a, mail, START + HOUR);
    json_decref(mail);
    const struct alarm_cause note = {
        .kind = "attempt", .subject = "x", .title = "a\nb", .text = "c\nd", .todo = "e\nf"};
    alarm_note(a, &note, START + HOUR);
    mail = alarm_mail(a, START + HOUR);
    assert_string_equal(text_of(item_of(mail, 0), "title"), "a\\nb");
    assert_string_equal(text_of(item_of(mail, 0), "text"), "c\nd"); /* these have lines */
    assert_string_equal(text_of(item_of(mail, 0), "todo"), "e\nf");
    json_decref(mail);
    alarm_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_hundred_failed_tickets_are_one_mail),
        cmocka_unit_test(what_happens_while_a_mail_is_put_is_told_by_the_next),
        cmocka_unit_test(of_very_many_reasons_the_further_ones_are_counted),
        cmocka_unit_test(failed_tickets_are_told_as_it_is_set),
        cmocka_unit_test(beyond_the_budget_mails_are_put_together),
        cmocka_unit_test(what_is_over_before_there_is_a_mail_left_is_told_once),
        cmocka_unit_test(notes_leave_a_mail_for_what_is_wrong),
        cmocka_unit_test(a_spent_budget_comes_back_bit_by_bit),
        cmocka_unit_test(names_that_are_no_text_are_told_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
