/* What outlives a restart; a long random life with restarts in it. */
#include "alarm_life.h"

/* As it is after a restart. */
static struct alarm *restarted(struct alarm *a)
{
    json_t *saved = alarm_to_json(a);
    struct alarm *again = alarm_new(&policy);
    assert_int_equal(alarm_from_json(again, saved), 0);
    json_t *same = alarm_to_json(again);
    assert_true(json_equal(saved, same));
    json_decref(same);
    json_decref(saved);
    alarm_free(a);
    return again;
}

static void a_mail_that_was_not_put_is_the_same_again(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    raise_it(a, "celtra", START);
    json_t *one = alarm_mail(a, START + MINUTE);
    json_t *saved = alarm_to_json(a);
    json_t *two = alarm_mail(a, START + 2 * MINUTE);
    assert_true(json_equal(one, two));
    alarm_mailed(a, two, START + 2 * MINUTE);
    struct alarm *later = alarm_new(&policy);
    assert_int_equal(alarm_from_json(later, saved), 0);
    json_t *three = alarm_mail(later, START + 3 * MINUTE);
    assert_string_equal(text_of(three, "key"), text_of(one, "key"));
    json_decref(one);
    json_decref(two);
    json_decref(three);
    json_decref(saved);
    alarm_free(later);
    alarm_free(a);
}

static void a_restart_neither_repeats_nor_forgets(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    const struct alarm_cause note = {.kind = "attempt", .subject = "x", .title = "Attempt 1/3"};
    raise_it(a, "celtra", START);
    fail_ticket(a, "RANK", "disk full", 1, START);
    a = restarted(a);
    assert_string_equal(told(a, START + MINUTE), "opened");
    a = restarted(a);
    assert_string_equal(told(a, START + 2 * MINUTE), "");
    alarm_note(a, &note, START + 3 * MINUTE);
    a = restarted(a);
    assert_string_equal(told(a, START + 3 * MINUTE), "note");
    assert_string_equal(told(a, START + 15 * MINUTE), "failed");
    clear_it(a, "celtra", START + 20 * MINUTE);
    a = restarted(a);
    assert_string_equal(told(a, START + 25 * MINUTE), "recovered");
    a = restarted(a);
    assert_string_equal(told(a, START + 100 * HOUR), "");
    alarm_free(a);
}

static void what_was_told_since_goes_on_behind_what_an_earlier_run_knew(void **state)
{
    (void)state;
    struct alarm *earlier = alarm_new(&policy), *a = alarm_new(&policy);
    raise_it(earlier, "celtra", START);
    fail_ticket(earlier, "RANK", "disk full", 2, START);
    fail_ticket(earlier, "RANK", "disk full", 3, START);
    json_t *saved = alarm_to_json(earlier);
    raise_it(a, "celtra", START + MINUTE);
    raise_it(a, "monday", START + MINUTE);
    fail_ticket(a, "RANK", "disk full", 3, START + MINUTE);
    fail_ticket(a, "CIBC", "disk full", 1, START + MINUTE);
    assert_int_equal(alarm_from_json(a, saved), 0);
    json_t *both = alarm_to_json(a);
    const json_t *incidents = json_object_get(both, "incidents"), *groups = json_object_get(both, "groups");
    assert_int_equal(json_array_size(incidents), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(incidents, 0), "opened_ms")), START);
    assert_int_equal(json_array_size(groups), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(groups, 0), "count")), 3);
    assert_int_equal(json_integer_value(json_object_get(both, "failures")), 4);
    assert_int_equal(json_integer_value(json_object_get(both, "failures_since_ms")), START);
    json_decref(both);
    json_decref(saved);
    alarm_free(a);
    alarm_free(earlier);
}

static void a_damaged_state_changes_nothing(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    raise_it(a, "celtra", START);
    json_t *before = alarm_to_json(a);
    json_t *damaged = json_deep_copy(before);
    json_array_clear(json_object_get(json_array_get(json_object_get(damaged, "incidents"), 0), "texts"));
    assert_int_equal(alarm_from_json(a, damaged), ERR_BAD_FIELD);
    assert_int_equal(alarm_from_json(a, json_null()), ERR_BAD_FIELD);
    json_t *after = alarm_to_json(a);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(damaged);
    json_decref(after);
    alarm_free(a);
}

/* ---- a long random life ---- */

#define PLACES 12

struct life {
    struct alarm *alarm;
    bool down[PLACES], told[PLACES], over_told[PLACES];
    int64_t down_since[PLACES]; /* without a break */
    int64_t mails[100000];
    size_t n_mails;
    uint64_t seed;
};

static unsigned any(struct life *l, unsigned below)
{
    l->seed = l->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(l->seed >> 33) % below;
}

static void turn_places(struct life *l, int64_t now)
{
    char subject[8];
    for (unsigned i = 0; i < PLACES; i++) {
        snprintf(subject, sizeof subject, "%u", i);
        if (any(l, i < 3 ? 4 : 200) == 0) {
            l->down[i] = !l->down[i];
            l->down_since[i] = now;
        }
        if (l->down[i])
            raise_it(l->alarm, subject, now);
        else
            clear_it(l->alarm, subject, now);
    }
}

static void note_item(struct life *l, const json_t *item)
{
    unsigned i = (unsigned)atoi(text_of(item, "subject"));
    const char *what = text_of(item, "what");
    if (strcmp(what, "opened") == 0) {
        assert_false(l->told[i]);
        l->told[i] = true;
    } else {
        bool over = strcmp(what, "recovered") == 0; /* where there was no mail for its beginning, of both */
        assert_true(l->told[i] || over);
        l->told[i] = !over;
    }
}

static void send(struct life *l, int64_t now)
{
    for (;;) {
        json_t *mail = alarm_mail(l->alarm, now);
        if (!mail)
            return;
        size_t i;
        const json_t *item;
        bool lost = any(l, 10) == 0; /* there was no room in the outbox */
        json_array_foreach (json_object_get(mail, "items"), i, item)
            if (!lost)
                note_item(l, item);
        if (!lost) {
            alarm_mailed(l->alarm, mail, now);
            l->mails[l->n_mails++] = now;
        }
        json_decref(mail);
        if (lost)
            return;
    }
}

static void never_more_than_the_budget_and_all_is_told_in_time(void **state)
{
    (void)state;
    struct life l = {.alarm = alarm_new(&policy), .seed = 4711};
    int64_t now = START;
    for (unsigned step = 0; step < 30000; step++) {
        now += (int64_t)any(&l, 40) * SECOND;
        turn_places(&l, now);
        if (any(&l, 50) == 0)
            l.alarm = restarted(l.alarm);
        send(&l, now);
        for (unsigned i = 0; i < PLACES; i++)
            if (l.down[i] && now - l.down_since[i] > policy.wait_ms + 14 * MINUTE)
                assert_true(l.told[i]);
    }
    assert_true(l.n_mails > 500);
    for (size_t i = (size_t)policy.per_hour; i < l.n_mails; i++)
        assert_true(l.mails[i] - l.mails[i - (size_t)policy.per_hour] >= HOUR);
    alarm_free(l.alarm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_that_was_not_put_is_the_same_again),
        cmocka_unit_test(a_restart_neither_repeats_nor_forgets),
        cmocka_unit_test(what_was_told_since_goes_on_behind_what_an_earlier_run_knew),
        cmocka_unit_test(a_damaged_state_changes_nothing),
        cmocka_unit_test(never_more_than_the_budget_and_all_is_told_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
