/* log.c: an event to a line, the line to the outputs. Formatting is by hand: tens of thousands of lines a second on the
 * loop thread leave no time for a JSON tree or for localtime at every line. */
#include "shunt/base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "log_sink.h"

static struct {
    bool open;
    enum log_level level;
    enum log_format format;
    const struct clock *clock;
    char *path;
    struct log_sink file, out;
    uint64_t dropped;
    struct str line;
    /* the formatted second of the line before */
    int64_t second;
    char stamp[CLOCK_RFC3339_MAX];
    size_t stamp_dot; /* where ".mmm" begins */
} state = {.level = LOG_INFO, .line = {.bytes = str_empty}};

const char *const log_level_words[] = {"debug", "info", "warn", "error", NULL};
static const char *const upper_words[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static void put_time(struct str *line, int64_t wall_ms, enum log_format format)
{
    int64_t ms = wall_ms % 1000, second = wall_ms / 1000;
    if (ms < 0) {
        ms += 1000;
        second--;
    }
    if (state.stamp[0] == '\0' || state.second != second) {
        if (format == LOG_FORMAT_JSON) {
            clock_rfc3339(wall_ms, state.stamp);
            state.stamp_dot = strcspn(state.stamp, ".");
        } else {
            clock_plain(wall_ms, state.stamp);
        }
        state.second = second;
    }
    if (format == LOG_FORMAT_JSON) {
        char *digits = state.stamp + state.stamp_dot + 1;
        digits[0] = (char)('0' + ms / 100);
        digits[1] = (char)('0' + ms / 10 % 10);
        digits[2] = (char)('0' + ms % 10);
    }
    str_puts(line, state.stamp);
}

static void put_field(struct str *line, const char *name, const char *value)
{
    if (value) {
        str_puts(line, ",\"");
        str_puts(line, name);
        str_puts(line, "\":");
        str_json(line, value, strlen(value));
    }
}

static void put_json(struct str *line, const struct log_event *event, const char *message, size_t n, int64_t wall_ms)
{
    str_puts(line, "{\"ts\":\"");
    put_time(line, wall_ms, LOG_FORMAT_JSON);
    str_putc(line, '"');
    put_field(line, "level", log_level_words[event->level]);
    put_field(line, "event", event->event);
    put_field(line, "phase", event->phase);
    if (event->worker > 0) {
        str_printf(line, ",\"worker\":\"Worker-%u\"", event->worker);
    }
    put_field(line, "client", event->client);
    put_field(line, "file", event->file);
    put_field(line, "job", event->job);
    put_field(line, "destination", event->destination);
    if (event->ms > 0 && isfinite(event->ms)) {
        str_printf(line, ",\"ms\":%.3f", event->ms);
    }
    put_field(line, "error", event->error);
    str_puts(line, ",\"msg\":");
    str_json(line, message, n);
    str_puts(line, "}\n");
}

static void put_text(struct str *line, const struct log_event *event, const char *message, size_t n, int64_t wall_ms)
{
    put_time(line, wall_ms, LOG_FORMAT_TEXT);
    str_puts(line, " - ");
    str_puts(line, upper_words[event->level]);
    str_puts(line, " - ");
    if (event->worker > 0) {
        str_printf(line, "[Worker-%u] ", event->worker);
    }
    if (event->phase) {
        str_putc(line, '[');
        str_plain(line, event->phase, strlen(event->phase));
        str_puts(line, "] ");
    }
    str_plain(line, message, n);
    if (event->error) {
        str_puts(line, ": ");
        str_plain(line, event->error, strlen(event->error));
    }
    str_putc(line, '\n');
}

/* Into state.line; false: no memory. */
static bool make_line(const struct log_event *event, const char *message, size_t n)
{
    const struct clock *clock = state.open ? state.clock : &clock_real;
    int64_t wall_ms = clock->wall_ms(clock);
    str_clear(&state.line);
    if (state.open && state.format == LOG_FORMAT_JSON) {
        put_json(&state.line, event, message, n, wall_ms);
    } else {
        put_text(&state.line, event, message, n, wall_ms);
    }
    return !str_failed(&state.line);
}

static void put_line(struct log_sink *sink)
{
    if (sink->used && !log_sink_put(sink, state.line.bytes, state.line.len)) {
        state.dropped++;
    }
}

/* Before log_open: there is nothing yet that could be waited for. */
static void to_stderr(const struct log_event *event, const char *message, size_t n)
{
    bool made = make_line(event, message, n);
    ssize_t rc = made ? write(STDERR_FILENO, state.line.bytes, state.line.len) : write(STDERR_FILENO, message, n);
    (void)rc;
    str_fini(&state.line);
    state.stamp[0] = '\0';
}

bool log_wanted(enum log_level level)
{
    return level >= state.level;
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

void log_write(const struct log_event *event, const char *fmt, ...)
{
    if (!log_wanted(event->level)) {
        return;
    }
    const int saved = errno;
    char message[LOG_MESSAGE_MAX + 4]; /* a character more, so that the cut is seen */
    va_list args;
    va_start(args, fmt);
    int rc = vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    size_t n = rc < 0 ? 0 : (size_t)rc;
    if (n >= sizeof message) {
        n = sizeof message - 1;
    }
    n = utf8_cut(message, n, LOG_MESSAGE_MAX);

    if (!state.open) {
        to_stderr(event, message, n);
    } else if (make_line(event, message, n)) {
        put_line(&state.file);
        put_line(&state.out);
    } else {
        state.dropped++;
    }
    if (event->level >= LOG_WARN) {
        log_flush();
    }
    errno = saved;
}

static void flush_sink(struct log_sink *sink, const char *name)
{
    if (!sink->used) {
        return;
    }
    log_sink_flush(sink);
    if (!log_sink_recovered(sink)) {
        return;
    }
    char message[128];
    int n =
        snprintf(message, sizeof message, "%" PRIu64 " log lines were lost here: %s took no more", sink->lost, name);
    if (n > 0 && make_line(LOG_EVENT(LOG_WARN, "log_dropped"), message, (size_t)n)) {
        log_sink_told(sink);
        put_line(sink);
        log_sink_flush(sink);
    }
}

void log_flush(void)
{
    if (state.open) {
        flush_sink(&state.file, "the log file");
        flush_sink(&state.out, "standard output");
    }
}

uint64_t log_dropped(void)
{
    return state.dropped;
}

int log_open(const struct log_options *options, struct error *e)
{
    assert(!state.open);
    int64_t no_wait = 0;
    struct log_sink file = {.fd = -1}, out = {.fd = -1};
    char *path = NULL;
    int rc = 0;
    if (options->file) {
        path = mem_strdup(options->file);
        rc = path ? log_sink_open_file(&file, path, e) : error_set(e, ERR_NOMEM, "no memory for the log");
    }
    if (rc == 0 && options->to_stdout) {
        rc = log_sink_open_stdout(&out, e);
    }
    if (rc) {
        log_sink_close(&file, &no_wait);
        mem_free(path);
        return rc;
    }
    state.file = file;
    state.out = out;
    state.path = path;
    state.level = options->level;
    state.format = options->format;
    state.clock = options->clock;
    state.dropped = 0;
    state.stamp[0] = '\0';
    state.open = true;
    return 0;
}

int log_reopen(struct error *e)
{
    return state.open && state.file.used ? log_sink_reopen(&state.file, state.path, e) : 0;
}

void log_close(void)
{
    if (!state.open) {
        return;
    }
    int64_t wait_ms = LOG_CLOSE_WAIT_MS;
    log_flush();
    log_sink_close(&state.file, &wait_ms);
    log_sink_close(&state.out, &wait_ms);
    mem_free(state.path);
    state.path = NULL;
    str_fini(&state.line);
    state.stamp[0] = '\0';
    state.open = false;
}
