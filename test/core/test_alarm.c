/* What is told of an incident, and when, over simulated days. */
#include "../scarce.h"
#include "alarm_life.h"

static void an_incident_is_told_when_it_lasts_and_when_it_is_over(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    raise_it(a, "celtra", START);
    assert_string_equal(alarm_nth(a, "destination_down", 0), "celtra");
    assert_null(alarm_nth(a, "destination_down", 1));
    assert_string_equal(told(a, START + MINUTE - 1), "");
    assert_string_equal(told(a, START + MINUTE), "opened");
    assert_string_equal(told(a, START + 2 * MINUTE), "");
    clear_it(a, "celtra", START + 10 * MINUTE);
    assert_null(alarm_nth(a, "destination_down", 0));
    assert_string_equal(told(a, START + 15 * MINUTE - 1), "");
    json_t *mail = alarm_mail(a, START + 15 * MINUTE);
    const json_t *item = item_of(mail, 0);
    assert_string_equal(text_of(item, "what"), "recovered");
    assert_string_equal(text_of(item, "title"), "Celtra is up again");
    assert_int_equal(json_integer_value(json_object_get(item, "since_ms")), START);
    assert_int_equal(json_integer_value(json_object_get(item, "over_ms")), START + 10 * MINUTE);
    alarm_mailed(a, mail, START + 15 * MINUTE);
    json_decref(mail);
    assert_string_equal(told(a, START + 100 * HOUR), "");
    alarm_free(a);
}

static void what_is_over_soon_is_not_told(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    raise_it(a, "celtra", START);
    clear_it(a, "celtra", START + MINUTE - 1);
    for (int64_t at = 0; at < HOUR; at += SECOND)
        assert_string_equal(told(a, START + at), "");
    raise_it(a, "celtra", START + HOUR); /* another one */
    assert_string_equal(told(a, START + HOUR), "");
    assert_string_equal(told(a, START + HOUR + MINUTE), "opened");
    alarm_free(a);
}

static void reminders_come_with_growing_pauses(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    int64_t at[8] = {0},
            wanted[] = {
                MINUTE, MINUTE + HOUR, MINUTE + 5 * HOUR, MINUTE + 29 * HOUR, MINUTE + 53 * HOUR, MINUTE + 77 * HOUR};
    size_t n = 0;
    for (int64_t now = 0; now <= 80 * HOUR; now += MINUTE) {
        raise_it(a, "celtra", START + now);
        if (told(a, START + now)[0] != '\0')
            at[n++] = now;
    }
    assert_int_equal(n, 6);
    assert_memory_equal(at, wanted, sizeof wanted);
    alarm_free(a);
}

static void without_pauses_there_are_no_reminders(void **state)
{
    (void)state;
    struct alarm_policy once = policy;
    once.n_remind = 0;
    struct alarm *a = alarm_new(&once);
    raise_it(a, "celtra", START);
    assert_string_equal(told(a, START + MINUTE), "opened");
    assert_string_equal(told(a, START + 1000 * HOUR), "");
    alarm_free(a);
}

static void what_needs_somebody_is_told_at_once_and_once(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    struct alarm_cause cause = cause_of("celtra");
    raise_it(a, "celtra", START);
    assert_string_equal(told(a, START + MINUTE), "opened");
    cause.permanent = true;
    assert_int_equal(alarm_raise(a, &cause, START + 2 * MINUTE), 0);
    assert_string_equal(told(a, START + 2 * MINUTE), "permanent");
    assert_string_equal(told(a, START + 500 * HOUR), "");
    clear_it(a, "celtra", START + 500 * HOUR);
    assert_string_equal(told(a, START + 501 * HOUR), "recovered");
    cause.subject = "rank";
    assert_int_equal(alarm_raise(a, &cause, START + 600 * HOUR), 0);
    assert_string_equal(told(a, START + 600 * HOUR), "permanent");
    assert_string_equal(told(a, START + 601 * HOUR), "");
    alarm_free(a);
}

static void a_place_that_comes_and_goes_is_told_once(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    size_t mails = 0;
    for (int64_t now = 0; now < 50 * MINUTE; now += 10 * SECOND) {
        if (now / (2 * MINUTE) % 2 == 0)
            raise_it(a, "celtra", START + now);
        else
            clear_it(a, "celtra", START + now);
        mails += told(a, START + now)[0] != '\0';
    }
    assert_int_equal(mails, 1);
    clear_it(a, "celtra", START + 50 * MINUTE);
    json_t *mail = alarm_mail(a, START + HOUR);
    assert_string_equal(text_of(item_of(mail, 0), "what"), "recovered");
    assert_int_equal(json_integer_value(json_object_get(item_of(mail, 0), "times")), 13);
    json_decref(mail);
    alarm_free(a);
}

static void short_turns_that_never_end_are_told_all_the_same(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    size_t mails = 0;
    for (int64_t now = 0; now < 10 * MINUTE; now += 10 * SECOND) {
        if (now / (20 * SECOND) % 2 == 0)
            raise_it(a, "celtra", START + now);
        else
            clear_it(a, "celtra", START + now);
        mails += told(a, START + now)[0] != '\0';
    }
    assert_int_equal(mails, 1);
    alarm_free(a);
}

static void a_clock_that_goes_back_silences_nobody(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    int64_t back = START - 1000 * HOUR;
    for (unsigned i = 0; i < 5; i++) {
        raise_it(a, "celtra", START);
        told(a, START + i * 2 * HOUR);
    }
    raise_it(a, "rank", back);
    assert_string_equal(told(a, back), "");
    size_t mails = 0;
    for (int64_t now = back; now < back + 25 * HOUR; now += MINUTE)
        mails += told(a, now)[0] != '\0';
    assert_in_range(mails, 3, 6); /* opened, and reminders of both */
    alarm_free(a);
}

static void every_failed_allocation_is_answered(void **state)
{
    (void)state;
    struct alarm_cause cause = cause_of("celtra");
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        struct alarm *a = alarm_new(&policy);
        int rc = a ? alarm_raise(a, &cause, START) : ERR_NOMEM;
        rc = rc ? rc : alarm_raise(a, &cause, START + 1);
        if (rc == 0) {
            fail_ticket(a, "RANK", "disk full", 1, START);
            alarm_note(a, &cause, START);
        }
        json_t *mail = rc ? NULL : alarm_mail(a, START + HOUR), *saved = rc ? NULL : alarm_to_json(a);
        if (mail)
            alarm_mailed(a, mail, START + HOUR);
        rc = rc ? rc : !mail || !saved ? ERR_NOMEM : alarm_from_json(a, saved);
        rc = rc ? rc : alarm_clear(a, cause.kind, cause.subject, "up", "", START + HOUR);
        bool hit = scarce_end();
        assert_true(rc == 0 || (hit && rc == ERR_NOMEM));
        json_decref(mail);
        json_decref(saved);
        alarm_free(a);
    }
}

/* Of one kind alone, whatever else is due, and under keys of its own. */
static void of_one_kind_there_is_a_mail_before_all_others(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    struct alarm_cause store = cause_of("");
    store.kind = "store_degraded";
    char subject[8];
    for (unsigned i = 0; i < 2 * policy.per_hour; i++) {
        snprintf(subject, sizeof subject, "d%02u", i);
        raise_it(a, subject, START);
        if (i == 0)
            assert_int_equal(alarm_raise(a, &store, START), 0);
        fail_ticket(a, "RANK", "no", i, START);
    }
    alarm_note(a, &store, START);
    assert_null(alarm_mail_of(a, "store_degraded", START + MINUTE - 1));
    json_t *mail = alarm_mail_of(a, "store_degraded", START + HOUR);
    assert_int_equal(json_array_size(json_object_get(mail, "items")), 1);
    assert_string_equal(text_of(item_of(mail, 0), "kind"), "store_degraded");
    assert_string_equal(text_of(item_of(mail, 0), "what"), "opened");
    alarm_mailed(a, mail, START + HOUR);
    assert_null(alarm_mail_of(a, "store_degraded", START + HOUR));
    json_t *others = alarm_mail(a, START + HOUR);
    assert_int_equal(json_array_size(json_object_get(others, "items")), 2 * policy.per_hour + 2);
    assert_string_not_equal(text_of(others, "key"), text_of(mail, "key"));
    json_decref(others);
    json_decref(mail);
    alarm_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incident_is_told_when_it_lasts_and_when_it_is_over),
        cmocka_unit_test(what_is_over_soon_is_not_told),
        cmocka_unit_test(reminders_come_with_growing_pauses),
        cmocka_unit_test(without_pauses_there_are_no_reminders),
        cmocka_unit_test(what_needs_somebody_is_told_at_once_and_once),
        cmocka_unit_test(a_place_that_comes_and_goes_is_told_once),
        cmocka_unit_test(short_turns_that_never_end_are_told_all_the_same),
        cmocka_unit_test(a_clock_that_goes_back_silences_nobody),
        cmocka_unit_test(of_one_kind_there_is_a_mail_before_all_others),
        cmocka_unit_test(every_failed_allocation_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
