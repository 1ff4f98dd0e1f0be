#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "../scarce.h"

#define WALL INT64_C(1770388246123) /* 2026-02-06T14:30:46.123Z */

static char folder[64], path[96], moved[96];
static struct clock_virtual now;
static int real_stdout = -1;

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/shunt-test-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/shunt.log", folder);
    snprintf(moved, sizeof moved, "%s/shunt.log.1", folder);
    clock_virtual_init(&now, WALL);
    return 0;
}

static void stdout_back(void)
{
    if (real_stdout >= 0) {
        dup2(real_stdout, STDOUT_FILENO);
        close(real_stdout);
        real_stdout = -1;
    }
}

static int teardown(void **state)
{
    (void)state;
    log_close();
    stdout_back();
    log_set_level(LOG_INFO);
    unlink(path);
    unlink(moved);
    return rmdir(folder);
}

static void stdout_to(int fd)
{
    fflush(stdout);
    real_stdout = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    close(fd);
}

static void open_log_as(enum log_format format, const char *file, bool to_stdout)
{
    struct error e = {0};
    const struct log_options options = {
        .level = LOG_INFO, .format = format, .file = file, .to_stdout = to_stdout, .clock = &now.clock};
    assert_int_equal(log_open(&options, &e), 0);
}

static char *read_all(int fd)
{
    struct str s = STR_INIT;
    char part[4096];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) > 0) {
        str_add(&s, part, (size_t)n);
    }
    return str_take(&s);
}

static char *text_of(const char *file)
{
    int fd = open(file, O_RDONLY);
    assert_true(fd >= 0);
    char *text = read_all(fd);
    close(fd);
    return text;
}

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

/* Every line whole and in order, numbers rising; returns how many are missing; told: what log_dropped lines say. */
static unsigned check_numbered(const char *text, unsigned last, unsigned *told)
{
    unsigned missing = 0, expected = 0;
    *told = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        json_t *o = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
        assert_non_null(o);
        const char *msg = json_string_value(json_object_get(o, "msg"));
        unsigned number;
        if (strcmp(json_string_value(json_object_get(o, "event")), "log_dropped") == 0) {
            assert_string_equal(json_string_value(json_object_get(o, "level")), "warn");
            assert_int_equal(sscanf(msg, "%u log lines were lost", &number), 1);
            *told += number;
            expected += number;
        } else {
            assert_int_equal(sscanf(msg, "line %u", &number), 1);
            missing += number - expected;
            assert_true(number >= expected);
            expected = number + 1;
        }
        json_decref(o);
    }
    return missing + (last - expected);
}

#define LINES 12000u

static void write_numbered(unsigned from, unsigned to)
{
    static const char filler[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
    for (unsigned i = from; i < to; i++) {
        log_info("numbered", "line %u %s", i, filler);
        if (i % 100 == 0) {
            log_flush();
        }
    }
    log_flush();
}

static void a_pipe_nobody_reads_costs_lines_and_says_so_later(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    stdout_to(ends[1]);
    open_log_as(LOG_FORMAT_JSON, path, true);
    write_numbered(0, LINES);
    uint64_t dropped = log_dropped();
    assert_true(dropped > 1000 && dropped < LINES);

    struct str got = STR_INIT;
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    char part[4096];
    ssize_t n = 1;
    while (n > 0) {
        n = read(ends[0], part, sizeof part);
        str_add(&got, part, n > 0 ? (size_t)n : 0);
        log_flush();
    }
    write_numbered(LINES, LINES + 10);
    log_close();
    stdout_back();
    while ((n = read(ends[0], part, sizeof part)) > 0) {
        str_add(&got, part, (size_t)n);
    }
    close(ends[0]);

    unsigned told;
    assert_int_equal(check_numbered(got.bytes, LINES + 10, &told), 0);
    assert_int_equal(told, dropped);
    str_fini(&got);
    char *file = text_of(path);
    assert_int_equal(check_numbered(file, LINES + 10, &told), 0);
    assert_int_equal(told, 0);
    mem_free(file);
}

static void the_inherited_descriptor_keeps_its_flags(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    stdout_to(ends[1]);
    open_log_as(LOG_FORMAT_TEXT, NULL, true);
    log_warn("x", "one");
    assert_int_equal(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
    log_close();
    assert_true(fcntl(STDOUT_FILENO, F_GETFL) >= 0);
    stdout_back();
    char *text = read_all(ends[0]);
    assert_string_equal(text, "2026-02-06 14:30:46 - WARN - one\n");
    mem_free(text);
    close(ends[0]);
}

static void a_reader_that_went_away_ends_nothing(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    stdout_to(ends[1]);
    close(ends[0]);
    open_log_as(LOG_FORMAT_TEXT, path, true);
    write_numbered(0, LINES);
    assert_true(log_dropped() > 0);
    log_close();
}

static void a_socket_that_takes_no_more_does_not_block(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    stdout_to(ends[1]);
    open_log_as(LOG_FORMAT_JSON, NULL, true);
    write_numbered(0, LINES);
    assert_true(log_dropped() > 0);
    log_close();
    stdout_back();
    char *text = read_all(ends[0]);
    assert_memory_equal(text, "{\"ts\":", 6);
    mem_free(text);
    close(ends[0]);
}

static void a_terminal_nobody_reads_does_not_block(void **state)
{
    (void)state;
    int master, slave;
    if (openpty(&master, &slave, NULL, NULL, NULL) != 0) {
        skip();
    }
    stdout_to(slave);
    open_log_as(LOG_FORMAT_JSON, NULL, true);
    write_numbered(0, LINES);
    assert_true(log_dropped() > 0);
    log_close();
    stdout_back();
    close(master);
}

static void a_full_device_ends_nothing(void **state)
{
    (void)state;
    open_log_as(LOG_FORMAT_JSON, "/dev/full", false);
    write_numbered(0, LINES);
    assert_true(log_dropped() > 1000);
}

static void a_full_disk_tears_no_line_and_recovers(void **state)
{
    (void)state;
    if (mount("none", folder, "tmpfs", 0, "size=256k") != 0) {
        skip();
    }
    open_log_as(LOG_FORMAT_JSON, path, false);
    write_numbered(0, LINES);
    assert_true(log_dropped() > 1000);
    int grown = mount("none", folder, "tmpfs", MS_REMOUNT, "size=64m");
    write_numbered(LINES, LINES + 100);
    uint64_t dropped = log_dropped();
    log_close();
    char *text = text_of(path);
    umount2(folder, MNT_DETACH);
    assert_int_equal(grown, 0);
    unsigned told;
    assert_int_equal(check_numbered(text, LINES + 100, &told), 0);
    assert_int_equal(told, dropped);
    mem_free(text);
}

static void a_line_half_written_goes_whole_into_the_new_file(void **state)
{
    (void)state;
    char full[80], full_log[96];
    snprintf(full, sizeof full, "%s/full", folder);
    snprintf(full_log, sizeof full_log, "%s/shunt.log", full);
    assert_int_equal(mkdir(full, 0700), 0);
    if (mount("none", full, "tmpfs", 0, "size=8k") != 0) {
        rmdir(full);
        skip();
    }
    open_log_as(LOG_FORMAT_JSON, full_log, false);
    write_numbered(0, 100);
    char *before = text_of(full_log);
    umount2(full, MNT_DETACH); /* the open file stays, full; the name now leads to the disk below */
    struct error e = {0};
    int rc = log_reopen(&e);
    log_close();
    char *after = text_of(full_log);
    unlink(full_log);
    rmdir(full);
    assert_int_equal(rc, 0);
    assert_int_equal(strlen(before), 8192);
    assert_int_not_equal(before[8191], '\n');
    *(strrchr(before, '\n') + 1) = '\0';
    struct str both = STR_INIT;
    str_puts(&both, before);
    str_puts(&both, after);
    unsigned told;
    assert_int_equal(check_numbered(both.bytes, 100, &told), 0);
    str_fini(&both);
    mem_free(before);
    mem_free(after);
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
        cmocka_unit_test_setup_teardown(a_pipe_nobody_reads_costs_lines_and_says_so_later, setup, teardown),
        cmocka_unit_test_setup_teardown(the_inherited_descriptor_keeps_its_flags, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_went_away_ends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_that_takes_no_more_does_not_block, setup, teardown),
        cmocka_unit_test_setup_teardown(a_terminal_nobody_reads_does_not_block, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_device_ends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_tears_no_line_and_recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_half_written_goes_whole_into_the_new_file, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_before_the_log_is_open_go_to_standard_error, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_a_line_is_lost_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(whichever_allocation_fails_it_opens_not_at_all_or_each_line_is_whole_or_counted,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
