/* place_move.c: moving a claimed file whole: one rename where it can be, else a durable copy and then the removal.
 * A file that has other names (the archive's) is copied too: what people do to a failed ticket must not reach those.
 * The name at the end is never taken from anyone; where the same bytes are there already, an earlier try got that
 * far. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/io/source.h"

#include "place_internal.h"

static int remove_original(int from_fd, const char *from_name, struct error *e)
{
    if (unlinkat(from_fd, from_name, 0) == 0 || errno == ENOENT)
        return 0;
    return error_errno(e, errno, "cannot remove %s", from_name);
}

/* What is there is flushed for itself: the try that wrote it may have ended before that. */
static int flush_taken(int to_fd, const char *to_name, struct error *e)
{
    struct source there;
    int rc = source_open(&there, to_fd, to_name, e);
    if (rc != 0)
        return rc;
    rc = files_sync(there.fd, to_name, e);
    source_close(&there);
    return rc == 0 ? files_sync(to_fd, to_name, e) : rc;
}

/* The name is taken: by the bytes with that hash? Then the original may go. */
static int settle_taken(int from_fd, const char *from_name, int to_fd, const char *to_name, const uint8_t *sha256,
                        uint64_t size, bool durable, struct error *e)
{
    struct error other = {0};
    uint8_t found[SHA256_SIZE];
    uint64_t found_size;
    int rc = hash_file(to_fd, to_name, found, &found_size, &other);
    if (rc == ERR_NOMEM || rc == ERR_NOFILES || rc == ERR_IO)
        return error_set(e, rc, "%s", other.text);
    if (rc != 0 || found_size != size || memcmp(found, sha256, SHA256_SIZE) != 0)
        return error_set(e, ERR_BUSY, "%s is taken", to_name);
    rc = durable ? flush_taken(to_fd, to_name, e) : 0;
    return rc == 0 ? remove_original(from_fd, from_name, e) : rc;
}

/* Whole and flushed below its temporary name, with the original's mode and time. */
static int copy_across(struct source *original, int to_fd, const char *temp, uint8_t *sha256, struct error *e)
{
    const struct file_print *print = &original->print;
    struct stat st;
    int fd = temp_create(to_fd, temp);
    if (fd < 0)
        return error_errno(e, -fd, "cannot make a file");
    int rc = copy_bytes(original->fd, fd, (uint64_t)print->size, NULL, sha256, e);
    if (rc == 0 && (fstat(original->fd, &st) != 0 || fchmod(fd, st.st_mode & 0777) != 0))
        rc = error_errno(e, errno, "cannot set the mode");
    if (rc == 0)
        rc = source_look(original, e);
    if (rc == 0) {
        files_set_time(fd, print->mtime_ns);
        rc = files_sync(fd, "the copy", e);
    }
    int closed = temp_close(fd, e);
    return rc != 0 ? rc : closed;
}

static int move_across(int from_fd, const char *from_name, int to_fd, const char *to_name, struct error *e)
{
    struct source original;
    char temp[TEMP_SIZE];
    uint8_t sha256[SHA256_SIZE];
    temp_name("move", "", to_name, temp);
    int rc = source_open(&original, from_fd, from_name, e);
    if (rc != 0)
        return rc;
    rc = copy_across(&original, to_fd, temp, sha256, e);
    int errnum = rc == 0 ? files_rename_new(to_fd, temp, to_fd, to_name) : 0;
    if (rc != 0 || errnum != 0)
        unlinkat(to_fd, temp, 0);
    if (errnum == EEXIST)
        rc = settle_taken(from_fd, from_name, to_fd, to_name, sha256, (uint64_t)original.print.size, true, e);
    else if (errnum != 0)
        rc = error_errno(e, errnum, "cannot rename to %s", to_name);
    else if (rc == 0)
        rc = files_sync(to_fd, to_name, e);
    if (rc == 0 && errnum == 0)
        rc = remove_original(from_fd, from_name, e);
    source_close(&original);
    return rc;
}

static int move_onto_taken(int from_fd, const char *from_name, int to_fd, const char *to_name, bool durable,
                           struct error *e)
{
    struct error why = {0};
    uint8_t sha256[SHA256_SIZE];
    uint64_t size;
    int rc = hash_file(from_fd, from_name, sha256, &size, &why);
    if (rc == ERR_UNREADABLE || rc == ERR_NOT_OURS)
        return error_set(e, ERR_BUSY, "%s is taken", to_name);
    if (rc != 0)
        return error_set(e, rc, "%s", why.text);
    return settle_taken(from_fd, from_name, to_fd, to_name, sha256, size, durable, e);
}

int place_move(int from_fd, const char *from_name, int to_fd, const char *to_name, bool durable, struct error *e)
{
    struct stat st;
    if (fstatat(from_fd, from_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1)
        return move_across(from_fd, from_name, to_fd, to_name, e);
    int errnum = files_rename_new(from_fd, from_name, to_fd, to_name);
    switch (errnum) {
    case 0:
        return durable ? files_sync(to_fd, to_name, e) : 0;
    case EEXIST:
        return move_onto_taken(from_fd, from_name, to_fd, to_name, durable, e);
    case EXDEV:
        return move_across(from_fd, from_name, to_fd, to_name, e);
    case ENOENT:
        if (fstatat(from_fd, from_name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
            return error_set(e, ERR_GONE, "%s is gone", from_name);
        break;
    default:
        break;
    }
    return error_errno(e, errnum, "cannot move %s", from_name);
}
