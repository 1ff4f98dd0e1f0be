/* place_fill.c: how an item's content comes into the place: written from memory, copied from the claimed file, or that file
 * itself under a second name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place_internal.h"

/* What a producer may have swapped for a link is not followed: the file, and the client's folder that it lies in. An fd
 * or -errno. */
static int open_claimed(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (!slash || len >= sizeof folder)
        return slash ? -ENAMETOOLONG : -ENOENT;
    memcpy(folder, path, len);
    folder[len] = '\0';
    int parent = open(len > 0 ? folder : "/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (parent < 0)
        return -errno;
    int fd;
    do
        fd = openat(parent, slash + 1, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    int errnum = errno;
    close(parent);
    return fd < 0 ? -errnum : fd;
}

static int fill_from_source(const struct place_item *item, int fd, uint8_t sha256[SHA256_SIZE], struct error *e)
{
    struct stat st;
    int in = open_claimed(item->source);
    if (in == -ENOENT)
        return error_set(e, ERR_GONE, "%s is gone", item->source);
    if (in == -ELOOP || in == -ENOTDIR)
        return error_set(e, ERR_CHANGED, "%s is no longer a regular file in a folder", item->source);
    if (in < 0)
        return source_error(e, -in, item->source);
    int rc;
    if (fstat(in, &st) != 0)
        rc = source_error(e, errno, item->source);
    else if (!S_ISREG(st.st_mode))
        rc = error_set(e, ERR_CHANGED, "%s is no longer a regular file", item->source);
    else
        rc = copy_bytes(in, fd, item->size, item->sha256, sha256, e);
    close(in);
    return rc;
}

static int fill_from_bytes(const struct place_item *item, int fd, uint8_t sha256[SHA256_SIZE], struct error *e)
{
    int rc = files_write_all(fd, item->bytes, item->size, e);
    if (rc != 0)
        return rc;
    if (!item->sha256)
        files_sha256(item->bytes, item->size, sha256);
    else
        memcpy(sha256, item->sha256, SHA256_SIZE);
    return 0;
}

int item_fill(const struct place *place, const struct place_item *item, int fd, uint8_t sha256[SHA256_SIZE],
              struct error *e)
{
    int rc = item->bytes ? fill_from_bytes(item, fd, sha256, e) : fill_from_source(item, fd, sha256, e);
    if (rc != 0)
        return rc;
    /* The owner first: changing it takes bits away from the mode. */
    if ((place->uid >= 0 || place->gid >= 0) && fchown(fd, (uid_t)place->uid, (gid_t)place->gid) != 0)
        return error_errno(e, errno, "cannot give it to owner %ld, group %ld", place->uid, place->gid);
    if (fchmod(fd, (mode_t)place->mode) != 0)
        return error_errno(e, errno, "cannot set its mode");
    if (place->keep_time)
        files_set_time(fd, item->mtime_ns);
    return 0;
}

bool item_may_link(const struct place *place, const struct place_item *item, dev_t device)
{
    struct stat st;
    if (!item->original || item->refused || !source_quiet(item->original) || fstat(item->original->fd, &st) != 0)
        return false;
    uid_t uid = place->uid >= 0 ? (uid_t)place->uid : geteuid();
    gid_t gid = place->gid >= 0 ? (gid_t)place->gid : getegid();
    if (st.st_nlink != 1 || st.st_dev != device || st.st_uid != uid || st.st_gid != gid ||
        (uint64_t)st.st_size != item->size)
        return false;
    return (st.st_mode & 07777) == place->mode || fchmod(item->original->fd, (mode_t)place->mode) == 0;
}

/* By its descriptor: that very file, whatever has its name by now. */
int item_link(const struct place_item *item, int folder_fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", item->original->fd);
    return linkat(AT_FDCWD, path, folder_fd, item->name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}
