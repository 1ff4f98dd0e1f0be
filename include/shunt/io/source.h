/* source.h: a file that a producer dropped: opened without being fooled, asked about its writer, read once.
 *
 * Opened O_RDONLY | O_NOFOLLOW | O_NONBLOCK relative to a folder that is held, then fstat: only regular files.
 * Writers are asked of the kernel by a read lease (fcntl(2) F_SETLEASE): EAGAIN = somebody has it open for writing.
 * Held until source_close, the lease also tells whether anyone began to open it for writing since (source_quiet). It
 * needs the file's owner or CAP_LEASE and a local file system; elsewhere WRITER_UNKNOWN. A broken lease raises SIGIO,
 * which the program ignores. Thread: any, one at a time.
 */
#ifndef SHUNT_IO_SOURCE_H
#define SHUNT_IO_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "shunt/base/error.h"
#include "shunt/core/readiness.h"
#include "shunt/core/ticket.h"
#include "shunt/io/files.h"

struct source {
    int fd; /* -1: closed */
    enum writer writer;
    struct file_print print; /* at open, or at the last source_look */
};

struct file_print file_print_of(const struct stat *st);

/* ERR_GONE, ERR_NOT_OURS, ERR_UNREADABLE (EACCES: a ticket that may not be read), ERR_WRITING (another's write lease,
 * e.g. Samba's), ERR_NOFILES, ERR_IO. */
int source_open(struct source *s, int folder_fd, const char *name, struct error *e);
void source_ask_writer(struct source *s); /* takes the lease where it can; sets s->writer */
/* fstat again. ERR_CHANGED where size, mtime, ctime or inode differ from the print before (which is then updated). */
int source_look(struct source *s, struct error *e);
bool source_quiet(
    const struct source *s);         /* lease held and nobody is waiting to break it; false also where there is none */
void source_close(struct source *s); /* gives the lease back */

/* One pass: read, hash, parse (parser may be NULL), and keep the bytes where they are at most keep_max.
 * Bytes are those from offset 0 to the end as found by read(2), not by fstat. */
struct source_content {
    uint8_t sha256[SHA256_SIZE];
    uint64_t size;
    char *bytes; /* mem_free; NULL where larger than keep_max */
};
/* Errors of the parser come back as they are; the document's end is judged by the caller (ticket_parser_finish).
 * ERR_TOO_LARGE above max. Hash and bytes are of the whole file also after a parser's error (so that a failed ticket
 * has its hash); then the parser's code is returned at the end. */
int source_read(struct source *s, struct ticket_parser *parser, uint64_t max, uint64_t keep_max,
                struct source_content *out, struct error *e);
void source_content_fini(struct source_content *c);

#endif
