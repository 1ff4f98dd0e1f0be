/* log.h: one line an event, to standard output and to a file.
 *
 * The only global state of the program. Loop thread only (before the loop starts: the main thread).
 * Lines are gathered and written by log_flush(), which the loop calls once a turn; WARN and ERROR flush at once.
 * It never blocks for a reader: a pipe, socket or terminal that takes no more, or a full disk, costs lines, which
 * are counted, and told in a WARN line when writing works again. It never ends the process (SIGPIPE is ignored by the
 * caller).
 *
 * Format json: one object a line: ts (RFC 3339, ms), level, event, then of phase, worker, client, file, job,
 * destination, ms, error those that are set, then msg.
 * Format text: `2026-02-06 15:30:46 - INFO - [Worker-1] [STARTUP] Processing: RANK/5903771.json`, the error behind it
 * after ": ".
 */
#ifndef SHUNT_BASE_LOG_H
#define SHUNT_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/clock.h"
#include "shunt/base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
extern const char *const log_level_words[]; /* by level; ends with NULL */
enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct log_options {
    enum log_level level;
    enum log_format format;
    const char *file; /* NULL: none. Copied. Its folder must exist */
    bool to_stdout;
    const struct clock *clock; /* borrowed for the life of the log */
};

/* Strings are borrowed for the call; foreign bytes are escaped. NULL and 0 are left out. */
struct log_event {
    enum log_level level;
    /* stable snake_case word: "processing", "stored", "routed", "processed", "failed", "scan_end" ... */
    const char *event;
    const char *phase; /* STARTUP, REALTIME, PERIODIC */
    unsigned worker;   /* 1..; 0: none */
    const char *client;
    const char *file;
    const char *job;
    const char *destination;
    double ms; /* how long it took; 0 and less: not told */
    const char *error;
};

/* LOG_EVENT(LOG_INFO, "processed", .client = c, .file = f) */
#define LOG_EVENT(level_, event_, ...) (&(struct log_event){.level = (level_), .event = (event_), ##__VA_ARGS__})

int log_open(const struct log_options *options, struct error *e);
int log_reopen(struct error *e); /* the file, by its name again (logrotate); on error the old one stays in use */
void log_set_level(enum log_level level);
bool log_wanted(enum log_level level);

/* The message is what a person reads; it is cut at LOG_MESSAGE_MAX. Before log_open lines go to standard error. */
#define LOG_MESSAGE_MAX 4096
void log_write(const struct log_event *event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(event_, ...) log_write(LOG_EVENT(LOG_ERROR, event_), __VA_ARGS__)
#define log_warn(event_, ...)  log_write(LOG_EVENT(LOG_WARN, event_), __VA_ARGS__)
#define log_info(event_, ...)  log_write(LOG_EVENT(LOG_INFO, event_), __VA_ARGS__)
#define log_debug(event_, ...) log_write(LOG_EVENT(LOG_DEBUG, event_), __VA_ARGS__)

/* What is not taken yet is kept, so many bytes for each of the two outputs. Once a line had to be dropped, all are
 * until half of the buffer is free again: then event log_dropped tells how many, at the place of the gap. */
#define LOG_BUFFER_BYTES (1024 * 1024)
void log_flush(void);
uint64_t log_dropped(void); /* lines lost since log_open, counted for each output */
/* Flushes, and waits at most LOG_CLOSE_WAIT_MS in all for a slow reader of standard output. */
#define LOG_CLOSE_WAIT_MS 200
void log_close(void);

#endif
