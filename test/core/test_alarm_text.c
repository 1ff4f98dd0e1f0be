/* Alerts in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shunt/core/alarm.h"
#include "shunt/core/alarm_text.h"

#include "../scarce.h"

#define MINUTE INT64_C(60000)
#define START  INT64_C(1767225600000) /* 2026-01-01 00:00:00 UTC */

static const struct alarm_policy policy = {
    .calm_ms = 0, .remind_ms = {60 * MINUTE}, .n_remind = 1, .digest_ms = 0, .per_hour = 100};

static const struct alarm_cause down = {.kind = "destination_down",
                                        .subject = "celtra",
                                        .title = "Celtra is down",
                                        .text = "No space left on device.",
                                        .next = "It is tried again at 00:02:00; 12 deliveries wait for it.",
                                        .todo = "shunt status\nshunt hold celtra"};

static struct alarm_words words_at(int64_t now_ms)
{
    return (struct alarm_words){.brand = "shunt", .command = "shunt -c /srv/shunt.ini", .now_ms = now_ms};
}

/* The next mail: its subject, an empty line, its text. */
static const char *said(struct alarm *a, int64_t now)
{
    static char all[16384];
    struct str out = STR_INIT;
    struct alarm_words words = words_at(now);
    json_t *mail = alarm_mail(a, now), *parts = alarm_parts(mail, &words);
    assert_non_null(mail);
    alarm_subject(mail, &words, &out);
    str_puts(&out, "\n\n");
    alarm_text(parts, &words, &out);
    alarm_mailed(a, mail, now);
    assert_true(out.len < sizeof all);
    strcpy(all, out.bytes);
    str_fini(&out);
    json_decref(parts);
    json_decref(mail);
    return all;
}

static void an_incident_says_what_since_when_what_next_and_what_to_do(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    assert_int_equal(alarm_raise(a, &down, START), 0);
    assert_string_equal(said(a, START + 2 * MINUTE),
                        "[shunt] Celtra is down\n\n"
                        "Celtra is down\n\n"
                        "No space left on device.\n"
                        "Since 2026-01-01 00:00:00, for 2 min.\n\n"
                        "What happens next: It is tried again at 00:02:00; 12 deliveries wait for it.\n\n"
                        "What you can do:\n    shunt status\n    shunt hold celtra\n\n"
                        "-- \nshunt\n");
    assert_non_null(strstr(said(a, START + 90 * MINUTE), "[shunt] Still: Celtra is down\n"));
    assert_int_equal(
        alarm_clear(a, down.kind, down.subject, "Celtra is up again", "It takes tickets.", START + 100 * MINUTE), 0);
    assert_string_equal(said(a, START + 110 * MINUTE),
                        "[shunt] Celtra is up again, after 1 h 40 min\n\n"
                        "Celtra is up again, after 1 h 40 min\n\n"
                        "It takes tickets.\n"
                        "From 2026-01-01 00:00:00 to 2026-01-01 01:40:00: 1 h 40 min.\n\n"
                        "-- \nshunt\n");
    alarm_free(a);
}

static void failed_tickets_are_told_by_reason_with_a_command_for_each(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    struct alarm_failure f = {
        .client = "RANK", .destination = "Celtra", .error = "No space left", .name = "1.json", .id = "0190-1"};
    for (unsigned i = 0; i < 3; i++)
        alarm_failed(a, &f, START);
    f = (struct alarm_failure){.client = "3M", .error = "not JSON", .name = "9.json", .id = "0190-9"};
    alarm_failed(a, &f, START);
    assert_string_equal(said(a, START),
                        "[shunt] 4 tickets failed\n\n"
                        "4 tickets failed\n\n"
                        "Since 2026-01-01 00:00:00:\n"
                        "     3  RANK -> Celtra: No space left (as 1.json)\n"
                        "        shunt -c /srv/shunt.ini show 0190-1\n"
                        "     1  3M: not JSON (9.json)\n"
                        "        shunt -c /srv/shunt.ini show 0190-9\n\n"
                        "What happens next: They are set aside, whole, and stay there until they are put back.\n\n"
                        "What you can do:\n    shunt -c /srv/shunt.ini failed\n"
                        "    shunt -c /srv/shunt.ini retry --all --dry-run\n\n"
                        "-- \nshunt\n");
    alarm_failed(a, &f, START);
    const char *one = said(a, START);
    assert_non_null(strstr(one, "[shunt] Failed: 9.json (3M)\n"));
    assert_non_null(strstr(one, "    shunt -c /srv/shunt.ini retry 0190-9\n"));
    alarm_free(a);
}

static void several_alerts_share_a_subject(void **state)
{
    (void)state;
    struct alarm_policy tight = policy;
    tight.per_hour = 2;
    struct alarm *a = alarm_new(&tight);
    struct alarm_cause cause = down;
    const char *const subjects[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        cause.subject = cause.title = subjects[i];
        assert_int_equal(alarm_raise(a, &cause, START), 0);
    }
    const char *text = said(a, START);
    assert_memory_equal(text, "[shunt] 4 alerts: a; b; c ...\n", 30);
    assert_non_null(strstr(text, "\n\nd\n\nNo space left on device.\n"));
    alarm_free(a);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    struct alarm *a = alarm_new(&policy);
    const struct alarm_failure f = {.client = "3M", .error = "not JSON", .name = "9.json", .id = "0190-9"};
    assert_int_equal(alarm_raise(a, &down, START), 0);
    alarm_failed(a, &f, START);
    struct alarm_words words = words_at(START);
    json_t *mails[2] = {alarm_mail(a, START)};
    alarm_mailed(a, mails[0], START);
    mails[1] = alarm_mail(a, START);
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        struct str out = STR_INIT;
        bool failed = false;
        for (size_t i = 0; i < 2; i++) {
            json_t *parts = alarm_parts(mails[i], &words);
            failed = failed || !parts;
            alarm_subject(mails[i], &words, &out);
            alarm_text(parts, &words, &out);
            json_decref(parts);
        }
        failed = failed || str_failed(&out);
        bool hit = scarce_end();
        assert_true(failed == hit);
        str_fini(&out);
    }
    json_decref(mails[0]);
    json_decref(mails[1]);
    alarm_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incident_says_what_since_when_what_next_and_what_to_do),
        cmocka_unit_test(failed_tickets_are_told_by_reason_with_a_command_for_each),
        cmocka_unit_test(several_alerts_share_a_subject),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
