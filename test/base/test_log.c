/* test_log.c: lines as people and programs read them, the file they go to, want of memory. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include <jansson.h>

#include "../scarce.h"
#include "log_file.h"

static void assert_text(const char *file, const char *expected)
{
    char *text = text_of(file);
    assert_string_equal(text, expected);
    mem_free(text);
}

static void a_plain_line_reads_like_the_old_log(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_TEXT, path, false);
    log_write(LOG_EVENT(LOG_INFO, "processing", .phase = "STARTUP", .worker = 1), "Processing: %s",
              "RANK/5903771.json");
    log_write(LOG_EVENT(LOG_ERROR, "failed", .client = "RANK", .error = "disk full"), "Failed x.json");
    log_info("stats", "Stats: 98.0%%");
    log_close();
    assert_text(path, "2026-02-06 14:30:46 - INFO - [Worker-1] [STARTUP] Processing: RANK/5903771.json\n"
                      "2026-02-06 14:30:46 - ERROR - Failed x.json: disk full\n"
                      "2026-02-06 14:30:46 - INFO - Stats: 98.0%\n");
}

static void a_json_line_has_the_fields_that_are_set(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_JSON, path, false);
    log_write(LOG_EVENT(LOG_WARN, "routed", .phase = "REALTIME", .worker = 3, .client = "RANK", .file = "a.json",
                        .job = "j-1", .destination = "monday", .ms = 12.5, .error = "late"),
              "Routed to: %s", "Monday Rank");
    now.wall += 900;
    log_info("idle", "nothing");
    now.wall += 1000;
    log_info("idle", "nothing");
    log_close();
    assert_text(
        path,
        "{\"ts\":\"2026-02-06T14:30:46.123Z\",\"level\":\"warn\",\"event\":\"routed\",\"phase\":\"REALTIME\","
        "\"worker\":\"Worker-3\",\"client\":\"RANK\",\"file\":\"a.json\",\"job\":\"j-1\",\"destination\":\"monday\","
        "\"ms\":12.500,\"error\":\"late\",\"msg\":\"Routed to: Monday Rank\"}\n"
        "{\"ts\":\"2026-02-06T14:30:47.023Z\",\"level\":\"info\",\"event\":\"idle\",\"msg\":\"nothing\"}\n"
        "{\"ts\":\"2026-02-06T14:30:48.023Z\",\"level\":\"info\",\"event\":\"idle\",\"msg\":\"nothing\"}\n");
}

#define HOSTILE "a\nb\x1b[2J\xff\xC2\x9b%n%s\"\\\x7f"

static void hostile_strings_stay_within_their_json_line(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_JSON, path, false);
    log_write(LOG_EVENT(LOG_INFO, "x", .phase = HOSTILE, .client = HOSTILE, .file = HOSTILE, .error = HOSTILE), "%s",
              HOSTILE);
    log_close();
    char *text = text_of(path);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    static const char *const keys[] = {"phase", "client", "file", "error", "msg"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_string_equal(json_string_value(json_object_get(line, keys[i])),
                            "a\nb\x1b[2J\xEF\xBF\xBD\xC2\x9b%n%s\"\\\x7f");
    }
    assert_null(strchr(text, 0x1b));
    json_decref(line);
    mem_free(text);
}

static void hostile_strings_stay_within_their_plain_line(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_TEXT, path, false);
    log_write(LOG_EVENT(LOG_INFO, "x", .phase = "A\nB", .error = HOSTILE), "%s", HOSTILE);
    log_close();
    assert_text(path, "2026-02-06 14:30:46 - INFO - [A\\nB] a\\nb\\x1b[2J\\xff\\u009b%n%s\"\\\\x7f: "
                      "a\\nb\\x1b[2J\\xff\\u009b%n%s\"\\\\x7f\n");
}

static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    static char big[3 * LOG_MESSAGE_MAX];
    big[0] = 'x';
    for (size_t i = 1; i + 2 < sizeof big; i += 2) {
        memcpy(big + i, "\xC3\xA9", 3);
    }
    open_log_as(LOG_FORMAT_JSON, path, false);
    log_info("x", "%s", big);
    log_close();
    char *text = text_of(path);
    json_t *line = json_loads(text, 0, NULL);
    const char *msg = json_string_value(json_object_get(line, "msg"));
    assert_int_equal(strlen(msg), LOG_MESSAGE_MAX - 1);
    assert_memory_equal(msg, big, LOG_MESSAGE_MAX - 1);
    json_decref(line);
    mem_free(text);
}

static void lines_below_the_level_are_left_out(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_TEXT, path, false);
    assert_false(log_wanted(LOG_DEBUG));
    log_debug("x", "one");
    log_set_level(LOG_ERROR);
    log_warn("x", "two");
    log_set_level(LOG_DEBUG);
    log_debug("x", "three");
    log_close();
    assert_text(path, "2026-02-06 14:30:46 - DEBUG - three\n");
}

static void warnings_are_written_at_once_and_others_at_the_flush(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_TEXT, path, false);
    log_info("x", "one");
    assert_text(path, "");
    log_flush();
    assert_text(path, "2026-02-06 14:30:46 - INFO - one\n");
    log_warn("x", "two");
    assert_text(path, "2026-02-06 14:30:46 - INFO - one\n2026-02-06 14:30:46 - WARN - two\n");
}

static void a_rotated_file_is_opened_anew(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_TEXT, path, false);
    log_info("x", "one");
    assert_int_equal(rename(path, moved), 0);
    struct error e = {0};
    assert_int_equal(log_reopen(&e), 0);
    log_warn("x", "two");
    assert_text(moved, "2026-02-06 14:30:46 - INFO - one\n");
    assert_text(path, "2026-02-06 14:30:46 - WARN - two\n");
}

static void a_file_that_cannot_be_opened_anew_stays_in_use(void **state)
{
    (void)state;
    char elsewhere[80];
    snprintf(elsewhere, sizeof elsewhere, "%s.away", folder);
    open_log_as(LOG_FORMAT_TEXT, path, false);
    assert_int_equal(rename(folder, elsewhere), 0);
    struct error e = {0};
    assert_int_equal(log_reopen(&e), ERR_NOPLACE);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(rename(elsewhere, folder), 0);
    log_warn("x", "still here");
    assert_text(path, "2026-02-06 14:30:46 - WARN - still here\n");
}

static void a_missing_folder_refuses_to_open(void **state)
{
    (void)state;
    struct error e = {0};
    const struct log_options options = {.file = "/nowhere/at/all/shunt.log", .clock = &now.clock};
    assert_int_equal(log_open(&options, &e), ERR_NOPLACE);
    assert_string_equal(e.text, "cannot open log file /nowhere/at/all/shunt.log: No such file or directory");
}

static void a_line_torn_by_an_earlier_run_is_ended(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    fputs("torn li", f);
    fclose(f);
    open_log_as(LOG_FORMAT_TEXT, path, false);
    log_warn("x", "whole");
    assert_text(path, "torn li\n2026-02-06 14:30:46 - WARN - whole\n");
}

static void lines_before_the_log_is_open_go_to_standard_error(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int real = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    log_error("config", "bad\nfile");
    dup2(real, STDERR_FILENO);
    close(real);
    char *text = read_all(ends[0]);
    close(ends[0]);
    assert_non_null(strstr(text, " - ERROR - bad\\nfile\n"));
    mem_free(text);
}

static void without_memory_a_line_is_lost_and_counted(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_JSON, path, false);
    scarce_begin(1, SCARCE_FOR_EVER);
    log_info("x", "one");
    assert_true(scarce_end());
    assert_int_equal(log_dropped(), 1);
    log_warn("x", "two");
    char *text = text_of(path);
    assert_null(strstr(text, "one"));
    assert_non_null(strstr(text, "two"));
    mem_free(text);
}

static unsigned count_lines(const char *text)
{
    unsigned n = 0;
    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

static void whichever_allocation_fails_it_opens_not_at_all_or_each_line_is_whole_or_counted(void **state)
{
    (void)state;
    char many[600] = "";
    memset(many, 'x', sizeof many - 1);
    SCARCE_SWEEP (n) {
        struct error e = {0};
        const struct log_options options = {.level = LOG_INFO, .file = path, .clock = &now.clock};
        scarce_begin(n, 1);
        int rc = log_open(&options, &e);
        if (rc == 0) {
            log_info("x", "short");
            log_info("x", "%s", many);
            assert_int_equal(log_reopen(NULL), 0);
            log_info("x", "short again");
        }
        bool hit = scarce_end();
        assert_int_equal(rc, e.code);
        assert_true(rc == 0 || (hit && rc == ERR_NOMEM));
        uint64_t lost = log_dropped();
        log_close();
        if (rc == 0) {
            assert_int_equal(lost, hit);
            char *text = text_of(path);
            assert_int_equal(count_lines(text), 3 - lost);
            mem_free(text);
        }
        unlink(path);
    }
}

int main(void)
{
    setenv("TZ", "UTC0", 1);
    tzset();
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plain_line_reads_like_the_old_log, setup, teardown),
        cmocka_unit_test_setup_teardown(a_json_line_has_the_fields_that_are_set, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_strings_stay_within_their_json_line, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_strings_stay_within_their_plain_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_message_is_cut_between_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_below_the_level_are_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(warnings_are_written_at_once_and_others_at_the_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rotated_file_is_opened_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_opened_anew_stays_in_use, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_folder_refuses_to_open, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_torn_by_an_earlier_run_is_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_before_the_log_is_open_go_to_standard_error, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_a_line_is_lost_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(whichever_allocation_fails_it_opens_not_at_all_or_each_line_is_whole_or_counted,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
