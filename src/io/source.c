/* source.c: a producer's file, opened so that no link, fifo or device is ever followed, waited for or read.
 * A small ticket costs: openat, fstat, F_SETLEASE, one read, close. close gives the lease back. */
#include "shunt/io/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "shunt/base/mem.h"

#define CHUNK ((size_t)64 * 1024)

struct file_print file_print_of(const struct stat *st)
{
    return (struct file_print){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
    };
}

static int open_error(int errnum, const char *name, struct error *e)
{
    switch (errnum) {
    case ENOENT:
        return error_set(e, ERR_GONE, "%s is gone", name);
    case ELOOP:
    case ENXIO:
    case ENODEV:
        return error_set(e, ERR_NOT_OURS, "%s is not a regular file", name);
    case EACCES:
    case EPERM:
        return error_set(e, ERR_UNREADABLE, "%s may not be read by this user", name);
    case EAGAIN: /* somebody holds a write lease on it: Samba for its client */
        return error_set(e, ERR_WRITING, "%s is held by another program", name);
    default:
        return error_errno(e, errnum, "cannot open %s", name);
    }
}

int source_open(struct source *s, int folder_fd, const char *name, struct error *e)
{
    struct stat st;
    *s = (struct source){.fd = -1, .writer = WRITER_UNKNOWN};
    if (strchr(name, '/'))
        return error_set(e, ERR_BAD_NAME, "\"%s\" is not a file's name", name);
    int fd;
    do
        fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return open_error(errno, name, e);
    int rc = 0;
    if (fstat(fd, &st) != 0)
        rc = error_errno(e, errno, "cannot look at %s", name);
    else if (!S_ISREG(st.st_mode))
        rc = error_set(e, ERR_NOT_OURS, "%s is not a regular file", name);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    s->fd = fd;
    s->print = file_print_of(&st);
    return 0;
}

void source_ask_writer(struct source *s)
{
    int rc;
    do
        rc = fcntl(s->fd, F_SETLEASE, F_RDLCK);
    while (rc != 0 && errno == EINTR);
    if (rc == 0)
        s->writer = WRITER_NONE;
    else
        s->writer = errno == EAGAIN ? WRITER_PRESENT : WRITER_UNKNOWN;
}

int source_look(struct source *s, struct error *e)
{
    struct stat st;
    if (fstat(s->fd, &st) != 0)
        return error_errno(e, errno, "cannot look at the file");
    struct file_print before = s->print;
    s->print = file_print_of(&st);
    if (file_print_same(&before, &s->print))
        return 0;
    return error_set(e, ERR_CHANGED, "the file changed while it was read");
}

bool source_quiet(const struct source *s)
{
    int lease;
    if (s->writer != WRITER_NONE)
        return false;
    do
        lease = fcntl(s->fd, F_GETLEASE);
    while (lease < 0 && errno == EINTR);
    return lease == F_RDLCK; /* once somebody opens it for writing, it reads as given back */
}

void source_close(struct source *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* One pass: where the bytes are kept they are read to where they stay, else into one chunk again and again. */
struct pass {
    struct source *source;
    struct ticket_parser *parser; /* NULL: none, or it has refused the document */
    struct sha256_ctx digest;
    struct error refusal;
    char *bytes;
    size_t used, room;
    uint64_t total, max, keep_max;
    bool keep;
};

static int pass_init(struct pass *p, struct error *e)
{
    uint64_t size = p->source->print.size > 0 ? (uint64_t)p->source->print.size : 0;
    if (size > p->max)
        return error_set(e, ERR_TOO_LARGE, "the file is larger than %llu bytes", (unsigned long long)p->max);
    p->keep = size <= p->keep_max;
    p->room = p->keep ? (size_t)size + 1 : CHUNK;
    if (!p->keep)
        posix_fadvise(p->source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    sha256_init(&p->digest);
    p->bytes = mem_alloc(p->room);
    if (!p->bytes)
        return error_set(e, ERR_NOMEM, "out of memory");
    return 0;
}

/* Makes room for at least one more byte. */
static int pass_reserve(struct pass *p, struct error *e)
{
    if (!p->keep)
        p->used = 0;
    if (p->used < p->room)
        return 0;
    if (p->used > p->keep_max) {
        p->keep = false;
        p->used = 0;
        return 0;
    }
    size_t room = p->room < CHUNK ? CHUNK : p->room * 2;
    char *bytes = mem_resize(p->bytes, room);
    if (!bytes)
        return error_set(e, ERR_NOMEM, "out of memory");
    p->bytes = bytes;
    p->room = room;
    return 0;
}

static int pass_take(struct pass *p, size_t n, struct error *e)
{
    p->total += n;
    if (p->total > p->max)
        return error_set(e, ERR_TOO_LARGE, "the file is larger than %llu bytes", (unsigned long long)p->max);
    sha256_update(&p->digest, n, (const uint8_t *)p->bytes + p->used);
    if (p->parser && ticket_parser_feed(p->parser, p->bytes + p->used, n, &p->refusal) != 0)
        p->parser = NULL;
    p->used += n;
    return 0;
}

static int pass_run(struct pass *p, struct error *e)
{
    for (;;) {
        int rc = pass_reserve(p, e);
        if (rc != 0)
            return rc;
        size_t want = p->room - p->used < CHUNK ? p->room - p->used : CHUNK;
        ssize_t n = pread(p->source->fd, p->bytes + p->used, want, (off_t)p->total);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, errno, "cannot read the file");
        if (n == 0)
            return 0;
        rc = pass_take(p, (size_t)n, e);
        if (rc != 0)
            return rc;
        /* A short read that ends where fstat saw the end: asking for a 0 would tell nothing more. */
        if ((size_t)n < want && p->total == (uint64_t)p->source->print.size)
            return 0;
    }
}

int source_read(struct source *s, struct ticket_parser *parser, uint64_t max, uint64_t keep_max,
                struct source_content *out, struct error *e)
{
    struct pass p = {.source = s, .parser = parser, .max = max, .keep_max = keep_max};
    *out = (struct source_content){0};
    int rc = pass_init(&p, e);
    if (rc == 0)
        rc = pass_run(&p, e);
    if (rc != 0 || !p.keep || p.total > keep_max) {
        mem_free(p.bytes);
        p.bytes = NULL;
    }
    if (rc != 0)
        return rc;
    sha256_digest(&p.digest, SHA256_SIZE, out->sha256);
    out->bytes = p.bytes;
    out->size = p.total;
    return p.refusal.code == 0 ? 0 : error_set(e, p.refusal.code, "%s", p.refusal.text);
}

void source_content_fini(struct source_content *c)
{
    mem_free(c->bytes);
    *c = (struct source_content){0};
}
