/* test_log_sink.c: who reads the log may be slow, gone or full: no line is torn, and what is lost is told. */
#include <pty.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include <jansson.h>

#include "log_file.h"

static void stdout_to(int fd)
{
    fflush(stdout);
    real_stdout = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    close(fd);
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

int main(void)
{
    setenv("TZ", "UTC0", 1);
    tzset();
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pipe_nobody_reads_costs_lines_and_says_so_later, setup, teardown),
        cmocka_unit_test_setup_teardown(the_inherited_descriptor_keeps_its_flags, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_went_away_ends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_that_takes_no_more_does_not_block, setup, teardown),
        cmocka_unit_test_setup_teardown(a_terminal_nobody_reads_does_not_block, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_device_ends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_tears_no_line_and_recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_half_written_goes_whole_into_the_new_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
