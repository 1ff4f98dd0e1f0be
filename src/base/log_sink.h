/* log_sink.h: one output of the log: a bounded buffer of whole lines before a descriptor that may take no more.
 * Ownership: the sink owns its buffer, and the descriptor where it opened it. Thread: the log's. */
#ifndef SHUNT_BASE_LOG_SINK_H
#define SHUNT_BASE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/error.h"

enum log_sink_kind {
    LOG_SINK_PLAIN,    /* regular file, device: write() comes back by itself */
    LOG_SINK_STREAM,   /* pipe, inherited terminal: asked by poll() before each small write */
    LOG_SINK_SOCKET,   /* MSG_DONTWAIT */
    LOG_SINK_NONBLOCK, /* a description of our own with O_NONBLOCK */
};

struct log_sink {
    bool used;
    int fd;
    bool owned;
    enum log_sink_kind kind;
    char *bytes;
    size_t head;   /* first line that is not wholly written */
    size_t done;   /* bytes of that line that are written */
    size_t len;    /* from head */
    uint64_t lost; /* lines dropped and not yet told */
};

int log_sink_open_file(struct log_sink *s, const char *path, struct error *e);
int log_sink_open_stdout(struct log_sink *s, struct error *e);
int log_sink_reopen(struct log_sink *s, const char *path, struct error *e);
/* False: the line is lost and counted. */
bool log_sink_put(struct log_sink *s, const char *line, size_t n);
void log_sink_flush(struct log_sink *s);
/* True: lines were lost and there is room again for the line that tells so. Then `lost` is read and log_sink_told()
 * called. */
bool log_sink_recovered(const struct log_sink *s);
void log_sink_told(struct log_sink *s);
/* Flushes, waits for a reader within *wait_ms, which it lessens. */
void log_sink_close(struct log_sink *s, int64_t *wait_ms);

#endif
