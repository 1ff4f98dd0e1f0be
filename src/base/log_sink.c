/* log_sink.c: see log_sink.h. A line is forgotten only when its last byte was written: after a partial write the rest
 * follows later, and a file that was opened anew in between gets the line whole. */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/clock.h"
#include "shunt/base/log.h"
#include "shunt/base/mem.h"

static enum log_sink_kind kind_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return LOG_SINK_STREAM;
    }
    if (S_ISSOCK(st.st_mode)) {
        return LOG_SINK_SOCKET;
    }
    return S_ISREG(st.st_mode) ? LOG_SINK_PLAIN : LOG_SINK_STREAM;
}

static int take_buffer(struct log_sink *s, struct error *e)
{
    *s = (struct log_sink){.fd = -1, .bytes = mem_alloc(LOG_BUFFER_BYTES)};
    return s->bytes ? 0 : error_set(e, ERR_NOMEM, "no memory for the log");
}

int log_sink_open_stdout(struct log_sink *s, struct error *e)
{
    int rc = take_buffer(s, e);
    if (rc) {
        return rc;
    }
    s->fd = STDOUT_FILENO;
    s->kind = kind_of(s->fd);
    s->used = true;
    if (isatty(s->fd)) {
        /* O_NONBLOCK on the inherited one would reach the shell that we share it with */
        int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0) {
            s->fd = fd;
            s->owned = true;
            s->kind = LOG_SINK_NONBLOCK;
        }
    }
    return 0;
}

/* Reading as well: a pipe then opens without a reader, and the end of an earlier run can be looked at. */
static int open_log(const char *path, struct error *e)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0644);
    if (fd < 0) {
        int errnum = errno;
        return error_errno(e, errnum, "cannot open log file %s", path);
    }
    return fd;
}

/* An earlier run may have ended in the middle of a line (full disk, power cut). */
static bool ends_torn(int fd)
{
    struct stat st;
    char last = '\n';
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        return false;
    }
    return pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

int log_sink_open_file(struct log_sink *s, const char *path, struct error *e)
{
    int fd = open_log(path, e);
    if (fd < 0) {
        return fd;
    }
    int rc = take_buffer(s, e);
    if (rc) {
        close(fd);
        return rc;
    }
    s->fd = fd;
    s->owned = true;
    s->kind = kind_of(fd);
    s->used = true;
    if (ends_torn(fd)) {
        (void)log_sink_put(s, "\n", 1);
    }
    return 0;
}

int log_sink_reopen(struct log_sink *s, const char *path, struct error *e)
{
    log_sink_flush(s);
    int fd = open_log(path, e);
    if (fd < 0) {
        return fd;
    }
    struct stat before, after;
    bool same = fstat(s->fd, &before) == 0 && fstat(fd, &after) == 0 && before.st_dev == after.st_dev &&
                before.st_ino == after.st_ino;
    if (!same) {
        s->done = 0; /* the line that the old file holds a part of goes whole into the new one */
    }
    close(s->fd);
    s->fd = fd;
    s->kind = kind_of(fd);
    return 0;
}

bool log_sink_recovered(const struct log_sink *s)
{
    return s->lost > 0 && s->len <= LOG_BUFFER_BYTES / 2;
}

void log_sink_told(struct log_sink *s)
{
    s->lost = 0;
}

bool log_sink_put(struct log_sink *s, const char *line, size_t n)
{
    if (s->lost == 0 && s->len + n > LOG_BUFFER_BYTES) {
        log_sink_flush(s);
    }
    if (s->lost > 0 || s->len + n > LOG_BUFFER_BYTES) {
        s->lost++;
        return false;
    }
    if (s->head + s->len + n > LOG_BUFFER_BYTES) {
        memmove(s->bytes, s->bytes + s->head, s->len);
        s->head = 0;
    }
    memcpy(s->bytes + s->head + s->len, line, n);
    s->len += n;
    return true;
}

static void written(struct log_sink *s, size_t n)
{
    s->done += n;
    const char *first = s->bytes + s->head;
    const char *end = memrchr(first, '\n', s->done);
    if (end) {
        size_t whole = (size_t)(end - first) + 1;
        s->head += whole;
        s->done -= whole;
        s->len -= whole;
    }
    if (s->len == 0) {
        s->head = 0;
    }
}

static bool takes_more(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    /* POLLERR: the reader is gone; a named pipe may get another */
    return poll(&p, 1, wait_ms) == 1 && p.revents == POLLOUT;
}

/* At most PIPE_BUF bytes, which poll() has promised room for; whole lines where that many fit. */
static size_t piece(const char *p, size_t n)
{
    if (n <= PIPE_BUF) {
        return n;
    }
    const char *end = memrchr(p, '\n', PIPE_BUF);
    return end ? (size_t)(end - p) + 1 : PIPE_BUF;
}

static ssize_t write_some(const struct log_sink *s)
{
    const char *p = s->bytes + s->head + s->done;
    size_t n = s->len - s->done;
    ssize_t rc;
    do {
        switch (s->kind) {
        case LOG_SINK_SOCKET:
            rc = send(s->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
            break;
        case LOG_SINK_STREAM:
            rc = takes_more(s->fd, 0) ? write(s->fd, p, piece(p, n)) : -1;
            break;
        default:
            rc = write(s->fd, p, n);
            break;
        }
    } while (rc < 0 && errno == EINTR && s->kind != LOG_SINK_STREAM);
    return rc;
}

void log_sink_flush(struct log_sink *s)
{
    while (s->used && s->len > 0) {
        ssize_t n = write_some(s);
        if (n <= 0) {
            return; /* full disk, slow reader: kept for the next flush */
        }
        written(s, (size_t)n);
    }
}

void log_sink_close(struct log_sink *s, int64_t *wait_ms)
{
    if (!s->used) {
        return;
    }
    const int64_t until = clock_real.mono_ms(&clock_real) + *wait_ms;
    log_sink_flush(s);
    while (s->len > 0 && s->kind != LOG_SINK_PLAIN) {
        int64_t left = until - clock_real.mono_ms(&clock_real);
        if (left <= 0 || !takes_more(s->fd, (int)left)) {
            break;
        }
        size_t before = s->len - s->done;
        log_sink_flush(s);
        if (s->len - s->done == before) {
            break;
        }
    }
    int64_t left = until - clock_real.mono_ms(&clock_real);
    *wait_ms = left > 0 ? left : 0;
    if (s->owned) {
        close(s->fd);
    }
    mem_free(s->bytes);
    *s = (struct log_sink){.fd = -1};
}
