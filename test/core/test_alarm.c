/* What is told, when, and in how many mails, over simulated days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/error.h"
#include "shunt/core/alarm.h"

#include "../scarce.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define START  INT64_C(1767225600000)

static const struct alarm_policy policy = {.wait_ms = MINUTE,
                                           .calm_ms = 5 * MINUTE,
                                           .remind_ms = {HOUR, 4 * HOUR, 24 * HOUR},
                                           .n_remind = 3,
                                           .digest_ms = 15 * MINUTE,
                                           .per_hour = 10};

static struct alarm_cause cause_of(const char *subject)
{
    return (struct alarm_cause){.kind = "destination_down",
                                .subject = subject,
                                .title = "Celtra is down",
                                .text = "It cannot be written.",
                                .next = "It is tried again every 2 min.",
                                .todo = "shunt status"};
}

static void raise_it(struct alarm *a, const char *subject, int64_t now)
{
    struct alarm_cause cause = cause_of(subject);
    assert_int_equal(alarm_raise(a, &cause, now), 0);
}

static void clear_it(struct alarm *a, const char *subject, int64_t now)
{
    assert_int_equal(alarm_clear(a, "destination_down", subject, "Celtra is up again", "It takes tickets.", now), 0);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_t *item_of(const json_t *mail, size_t i)
{
    return json_array_get(json_object_get(mail, "items"), i);
}

/* What the next mail tells, one word for each item; "" : there is none. It is then told. */
static const char *told(struct alarm *a, int64_t now)
{
    static char words[4096];
    json_t *mail = alarm_mail(a, now);
    size_t i;
    const json_t *item;
    words[0] = '\0';
    json_array_foreach (json_object_get(mail, "items"), i, item) {
        strcat(words, i > 0 ? " " : "");
        strcat(words, text_of(item, "what"));
    }
    if (mail)
        alarm_mailed(a, mail, now);
    json_decref(mail);
    return words;
}

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

static void fail_ticket(struct alarm *a, const char *client, const char *error, unsigned number, int64_t now)
{
    char name[32];
    snprintf(name, sizeof name, "%u.json", number);
    const struct alarm_failure f = {.client = client, .destination = "Celtra", .error = error, .name = name, .id = "7"};
    alarm_failed(a, &f, now);
}

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
        cmocka_unit_test(five_hundred_failed_tickets_are_one_mail),
        cmocka_unit_test(what_happens_while_a_mail_is_put_is_told_by_the_next),
        cmocka_unit_test(of_very_many_reasons_the_further_ones_are_counted),
        cmocka_unit_test(failed_tickets_are_told_as_it_is_set),
        cmocka_unit_test(beyond_the_budget_mails_are_put_together),
        cmocka_unit_test(what_is_over_before_there_is_a_mail_left_is_told_once),
        cmocka_unit_test(notes_leave_a_mail_for_what_is_wrong),
        cmocka_unit_test(a_spent_budget_comes_back_bit_by_bit),
        cmocka_unit_test(a_mail_that_was_not_put_is_the_same_again),
        cmocka_unit_test(a_restart_neither_repeats_nor_forgets),
        cmocka_unit_test(what_was_told_since_goes_on_behind_what_an_earlier_run_knew),
        cmocka_unit_test(a_damaged_state_changes_nothing),
        cmocka_unit_test(a_clock_that_goes_back_silences_nobody),
        cmocka_unit_test(names_that_are_no_text_are_told_as_text),
        cmocka_unit_test(never_more_than_the_budget_and_all_is_told_in_time),
        cmocka_unit_test(every_failed_allocation_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
