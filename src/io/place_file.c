/* place_file.c: the file operations below place: temporaries, copying, renaming. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "shunt/base/mem.h"
#include "shunt/io/source.h"

#include "place_internal.h"

#define CHUNK           ((size_t)64 * 1024)
#define TEMP_HASH_BYTES 8

void temp_name(const char *tag, const char *whose, const char *name, char out[TEMP_SIZE])
{
    const char *texts[] = {tag, whose, name};
    struct sha256_ctx digest;
    uint8_t hash[TEMP_HASH_BYTES];
    char hex[2 * TEMP_HASH_BYTES + 1];
    sha256_init(&digest);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = texts[i] ? texts[i] : "";
        sha256_update(&digest, strlen(text) + 1, (const uint8_t *)text);
    }
    sha256_digest(&digest, sizeof hash, hash);
    files_hex(hash, TEMP_HASH_BYTES, hex);
    snprintf(out, TEMP_SIZE, ".shunt-%s.tmp", hex);
}

int temp_create(int folder_fd, const char *temp)
{
    bool swept = false;
    for (;;) {
        int fd = openat(folder_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        if (errno == EINTR)
            continue;
        if (errno != EEXIST || swept)
            return -errno;
        swept = true;
        if (unlinkat(folder_fd, temp, 0) != 0 && errno != ENOENT)
            return -errno;
    }
}

int temp_close(int fd, struct error *e)
{
    if (close(fd) == 0 || errno == EINTR) /* Linux has closed it then; what was written is still to be flushed */
        return 0;
    return error_errno(e, errno, "cannot close the file");
}

int source_error(struct error *e, int errnum, const char *what)
{
    struct error why = {0};
    int rc = error_errno(&why, errnum, "%s", what);
    rc = error_set(e, error_class_of(rc) == CLASS_RESOURCE ? rc : ERR_SOURCE, "%s", why.text);
    if (e && e->sys == 0)
        e->sys = errnum;
    return rc;
}

static int copy_loop(int in, int out, uint64_t size, char *chunk, size_t room, struct sha256_ctx *digest,
                     struct error *e)
{
    uint64_t total = 0;
    for (;;) {
        ssize_t n = pread(in, chunk, room, (off_t)total);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return source_error(e, errno, "cannot read the original");
        total += (uint64_t)n;
        if (total > size || (n == 0 && total < size))
            return error_set(e, ERR_CHANGED, "the original changed its size while it was copied");
        if (n == 0)
            return 0;
        sha256_update(digest, (size_t)n, (const uint8_t *)chunk);
        int rc = files_write_all(out, chunk, (size_t)n, e);
        if (rc != 0)
            return rc;
    }
}

int copy_bytes(int in, int out, uint64_t size, const uint8_t *expected, uint8_t sha256[SHA256_SIZE], struct error *e)
{
    struct sha256_ctx digest;
    size_t room = size < CHUNK ? (size_t)size + 1 : CHUNK;
    char *chunk = mem_alloc(room);
    if (!chunk)
        return error_set(e, ERR_NOMEM, "out of memory");
    sha256_init(&digest);
    if (size > CHUNK)
        posix_fadvise(in, 0, 0, POSIX_FADV_SEQUENTIAL);
    int rc = copy_loop(in, out, size, chunk, room, &digest, e);
    mem_free(chunk);
    if (rc != 0)
        return rc;
    sha256_digest(&digest, SHA256_SIZE, sha256);
    if (expected && memcmp(expected, sha256, SHA256_SIZE) != 0)
        return error_set(e, ERR_CHANGED, "the original changed: its content is not what was read first");
    return 0;
}

int rename_over(int folder_fd, const char *from, const char *to)
{
    int rc;
    do
        rc = renameat(folder_fd, from, folder_fd, to);
    while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : errno;
}

int rename_exchange(int folder_fd, const char *a, const char *b)
{
    int rc;
    do
        rc = renameat2(folder_fd, a, folder_fd, b, RENAME_EXCHANGE);
    while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : errno;
}

int hash_file(int folder_fd, const char *name, uint8_t sha256[SHA256_SIZE], uint64_t *size, struct error *e)
{
    struct source source;
    struct source_content content;
    int rc = source_open(&source, folder_fd, name, e);
    if (rc != 0)
        return rc;
    rc = source_read(&source, NULL, UINT64_MAX, 0, &content, e);
    source_close(&source);
    if (rc != 0)
        return rc;
    memcpy(sha256, content.sha256, SHA256_SIZE);
    *size = content.size;
    source_content_fini(&content);
    return 0;
}
