/* test_top_screen.c: what `shunt top` shows, whatever it was told. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shunt/cli/status_text.h"
#include "shunt/cli/top_screen.h"

#include "../scarce.h"

#define NOW 1790000000000 /* 2026-09-21T14:13:20Z */

static const char whole[] =
    "{\"health\": \"running\", \"totals\": {\"pending\": 1, \"processing\": 2, \"completed\": 3, \"failed\": 4,"
    "\"cancelled\": 5, \"oldest_pending_at\": \"2026-09-21T14:10:20.000Z\"}, \"degraded\": [\"no room\\nat all\"],"
    "\"snapshot\": {\"ledger\": {\"in_work\": 6, \"waiting\": 7}, \"queue\": {\"queued\": 8}, \"stats\": {\"date\": 20260921,"
    "\"hours\": [{},{},{},{},{},{},{},{},{},{},{},{},{},{\"processed\": 90, \"errors\": 2},{\"processed\": 40, \"errors\": 1}],"
    "\"last_errors\": [{\"client\": \"A\", \"file\": \"old\", \"error\": \"e1\"},"
    "{\"client\": \"B\", \"file\": \"new\", \"error\": \"\\u001b[2J\"}]}, \"destinations\": [{\"label\": \"Monday Rank\","
    "\"breaker\": \"open\", \"held\": true, \"hanging\": true, \"in_hand\": 1, \"queued\": 2, \"delivered\": 3, \"failures\": 4},"
    "{\"label\": \"D2\", \"breaker\": \"closed\"}]}}";

static int live_in_utc(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static json_t *read_json(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static void all_is_shown(void **state)
{
    (void)state;
    json_t *status = read_json(whole);
    struct top_view view = {
        .status = status, .now_ms = NOW, .per_s = 2.5, .look = {.terminal = true, .columns = 80, .rows = 24}};
    struct str out = STR_INIT;
    top_screen(&view, &out);
    assert_string_equal(out.bytes,
                        "shunt top  2026-09-21 14:13:20  running\n"
                        "Jobs    pending 1   processing 2   completed 3   failed 4   cancelled 5\n"
                        "Oldest  waiting for 3 min, since 2026-09-21 14:10:20\n"
                        "Now     6 in work, 7 waiting, 8 names queued, 2.5 tickets a second\n"
                        "Rate    this hour 40 processed (3.0 a minute), 1 errors; the hour before 90 and\xE2\x80\xA6\n"
                        "Degraded: no room\\nat all\n"
                        "\n"
                        "DESTINATION  BREAKER  IN HAND  QUEUED  DELIVERED  FAILURES\n"
                        "Monday Rank  open           1       2          3         4  held, hanging\n"
                        "D2           closed         0       0          0         0\n"
                        "\n"
                        "LAST ERRORS\n"
                        "B/new: \\x1b[2J\n"
                        "A/old: e1");
    json_decref(status);
    str_fini(&out);
}

static size_t lines_of(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void it_fits_on_any_terminal(void **state)
{
    (void)state;
    json_t *status = read_json(whole);
    for (size_t columns = 20; columns < 100; columns++) {
        for (size_t rows = 1; rows < 20; rows++) {
            struct top_view view = {.status = status,
                                    .now_ms = NOW,
                                    .per_s = 1,
                                    .look = {.terminal = true, .columns = columns, .rows = rows}};
            struct str out = STR_INIT;
            top_screen(&view, &out);
            assert_true(lines_of(out.bytes) <= rows);
            for (char *line = strtok(out.bytes, "\n"); line; line = strtok(NULL, "\n"))
                assert_true(text_columns(line) <= columns);
            str_fini(&out);
        }
    }
    json_decref(status);
}

static void trouble_is_told_with_what_was_known_last(void **state)
{
    (void)state;
    json_t *status = read_json(whole);
    struct top_view view = {.status = status,
                            .trouble = "shunt is not running",
                            .now_ms = NOW,
                            .per_s = -1,
                            .look = {.terminal = true, .columns = 80, .rows = 4}};
    struct str out = STR_INIT;
    top_screen(&view, &out);
    assert_non_null(strstr(out.bytes, "14:13:20  shunt is not running\nJobs"));
    assert_null(strstr(out.bytes, "a second"));
    str_clear(&out);
    view.status = NULL;
    top_screen(&view, &out);
    assert_string_equal(out.bytes, "shunt top  2026-09-21 14:13:20  shunt is not running");
    json_decref(status);
    str_fini(&out);
}

static void an_answer_that_lacks_everything_is_shown_too(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{}", "{\"totals\":null,\"snapshot\":null,\"degraded\":null}",
        "{\"snapshot\":{\"destinations\":[1,null,{}],\"stats\":{\"last_errors\":[1]}},\"degraded\":[7]}",
        "{\"totals\":{\"oldest_pending_at\":\"never\"}}"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        json_t *status = read_json(answers[i]);
        struct top_view view = {.status = status, .now_ms = NOW, .look = {.terminal = true, .columns = 80, .rows = 24}};
        struct str out = STR_INIT;
        top_screen(&view, &out);
        assert_non_null(strstr(out.bytes, "Oldest  nothing waits\n"));
        json_decref(status);
        str_fini(&out);
    }
}

static void without_memory_it_is_told(void **state)
{
    (void)state;
    json_t *status = read_json(whole);
    struct top_view view = {
        .status = status, .now_ms = NOW, .per_s = 1, .look = {.terminal = true, .columns = 80, .rows = 24}};
    SCARCE_SWEEP (n) {
        struct str out = STR_INIT;
        scarce_begin(n, 1);
        top_screen(&view, &out);
        bool hit = scarce_end();
        assert_true(hit == str_failed(&out));
        str_fini(&out);
    }
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_shown),
        cmocka_unit_test(it_fits_on_any_terminal),
        cmocka_unit_test(trouble_is_told_with_what_was_known_last),
        cmocka_unit_test(an_answer_that_lacks_everything_is_shown_too),
        cmocka_unit_test(without_memory_it_is_told),
    };
    return cmocka_run_group_tests(tests, live_in_utc, NULL);
}
