/* files.c: blocking helpers on files and folders. What is interrupted by a signal is done again; everything else
 * goes to the caller with errno's class. Folders that are made get their mode by fchmod, so that the process's umask
 * does not matter. */
#include "shunt/io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "shunt/base/mem.h"

#define FIRST_ROOM  4096
#define FOLDER_MODE 0755

static int open_again(int folder_fd, const char *path, int flags, mode_t mode)
{
    int fd;
    do
        fd = openat(folder_fd, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static int read_to_end(int fd, const char *path, size_t max, char **bytes, size_t room, size_t *len, struct error *e)
{
    size_t used = 0;
    for (;;) {
        ssize_t n = read(fd, *bytes + used, room - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, errno, "cannot read %s", path);
        if (n == 0)
            break;
        used += (size_t)n;
        if (used > max)
            return error_set(e, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, max);
        if (used < room)
            continue;
        char *more = mem_resize(*bytes, room * 2);
        if (!more)
            return error_set(e, ERR_NOMEM, "out of memory");
        *bytes = more;
        room *= 2;
    }
    (*bytes)[used] = '\0';
    *len = used;
    return 0;
}

static int read_open(int fd, const char *path, size_t max, char **out, size_t *len, struct error *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(e, errno, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(e, ERR_NOT_OURS, "%s is not a regular file", path);
    if (st.st_size > 0 && (uint64_t)st.st_size > max)
        return error_set(e, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, max);
    size_t room = st.st_size > 0 ? (size_t)st.st_size + 1 : FIRST_ROOM; /* files of /proc say 0 */
    char *bytes = mem_alloc(room);
    if (!bytes)
        return error_set(e, ERR_NOMEM, "out of memory");
    int rc = read_to_end(fd, path, max, &bytes, room, len, e);
    if (rc == 0)
        *out = bytes;
    else
        mem_free(bytes);
    return rc;
}

int files_read(const char *path, size_t max, char **out, size_t *len, struct error *e)
{
    int fd = open_again(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return error_errno(e, errno, "cannot open %s", path);
    int rc = read_open(fd, path, max, out, len, e);
    close(fd);
    return rc;
}

/* The folder that holds path ("." where it has no slash), and the name in it. */
static char *split(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!slash)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

static void temporary_of(const char *name, char out[64])
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a; the folder is ours, so nobody makes names collide on purpose */
    for (const char *p = name; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    snprintf(out, 64, ".shunt-%016llx.write.tmp", (unsigned long long)hash);
}

static int fill(int fd, const void *bytes, size_t len, unsigned mode, const char *path, struct error *e)
{
    int rc = files_write_all(fd, bytes, len, e);
    if (rc == 0 && fchmod(fd, (mode_t)mode) != 0)
        rc = error_errno(e, errno, "cannot set the mode of %s", path);
    if (rc == 0)
        rc = files_sync(fd, path, e);
    if (close(fd) != 0 && errno != EINTR && rc == 0)
        rc = error_errno(e, errno, "cannot close %s", path);
    return rc;
}

static int write_temporary(int folder, const char *temporary, const char *told, const void *bytes, size_t len,
                           unsigned mode, struct error *e)
{
    int fd = open_again(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST && unlinkat(folder, temporary, 0) == 0) /* a crash left it */
        fd = open_again(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_errno(e, errno, "cannot write %s", told);
    int rc = fill(fd, bytes, len, mode, told, e);
    if (rc != 0)
        unlinkat(folder, temporary, 0);
    return rc;
}

/* `told` is how errors name it. */
static int write_in(int folder, const char *name, const char *told, const void *bytes, size_t len, unsigned mode,
                    struct error *e)
{
    char temporary[64];
    temporary_of(name, temporary);
    int rc = write_temporary(folder, temporary, told, bytes, len, mode, e);
    if (rc != 0)
        return rc;
    if (renameat(folder, temporary, folder, name) != 0)
        rc = error_errno(e, errno, "cannot write %s", told);
    if (rc == 0)
        return files_sync(folder, told, e);
    unlinkat(folder, temporary, 0);
    return rc;
}

int files_write(const char *path, const void *bytes, size_t len, unsigned mode, struct error *e)
{
    const char *name;
    char *folder_path = split(path, &name);
    if (!folder_path)
        return error_set(e, ERR_NOMEM, "out of memory");
    int folder = files_open_folder(folder_path, e);
    mem_free(folder_path);
    if (folder < 0)
        return folder;
    int rc = write_in(folder, name, path, bytes, len, mode, e);
    close(folder);
    return rc;
}

int files_write_at(int folder_fd, const char *name, const void *bytes, size_t len, unsigned mode, struct error *e)
{
    if (!*name || strchr(name, '/'))
        return error_set(e, ERR_BAD_NAME, "\"%s\" cannot be a file's name", name);
    return write_in(folder_fd, name, name, bytes, len, mode, e);
}

int files_write_new(int folder_fd, const char *temporary, const char *name, const void *bytes, size_t len,
                    unsigned mode, struct error *e)
{
    int rc = write_temporary(folder_fd, temporary, name, bytes, len, mode, e);
    if (rc != 0)
        return rc;
    int errnum = files_rename_new(folder_fd, temporary, folder_fd, name);
    if (errnum == 0)
        return files_sync(folder_fd, name, e);
    unlinkat(folder_fd, temporary, 0);
    return errnum == EEXIST ? error_set(e, ERR_BUSY, "%s is taken", name)
                            : error_errno(e, errnum, "cannot write %s", name);
}

/* For file systems without RENAME_NOREPLACE and without link(2): looks first. Never removes what is there. */
static int rename_after_look(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat st;
    if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return EEXIST;
    if (errno != ENOENT)
        return errno;
    return renameat(from_fd, from, to_fd, to) == 0 ? 0 : errno;
}

static int rename_by_link(int from_fd, const char *from, int to_fd, const char *to)
{
    if (linkat(from_fd, from, to_fd, to, 0) == 0)
        return unlinkat(from_fd, from, 0) == 0 ? 0 : errno;
    return errno == EEXIST ? EEXIST : rename_after_look(from_fd, from, to_fd, to);
}

int files_rename_new(int from_fd, const char *from, int to_fd, const char *to)
{
    int rc;
    do
        rc = renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE);
    while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
        return rename_by_link(from_fd, from, to_fd, to);
    return errno;
}

/* Gives the folder that was just made its mode and makes its entry durable. Undone where that fails, so that the
 * next try makes it anew. */
static int finish_folder(int parent_fd, const char *name, int fd, unsigned mode, bool durable, struct error *e)
{
    int rc = 0;
    if (fchmod(fd, (mode_t)mode) != 0)
        rc = error_errno(e, errno, "cannot set the mode of folder %s", name);
    if (rc == 0 && durable)
        rc = files_sync(parent_fd, name, e);
    if (rc != 0)
        unlinkat(parent_fd, name, AT_REMOVEDIR);
    return rc;
}

static int make_one(const char *path, unsigned mode, bool durable, struct error *e)
{
    const char *name;
    char *parent_path = split(path, &name);
    if (!parent_path)
        return error_set(e, ERR_NOMEM, "out of memory");
    int parent = files_open_folder(parent_path, e);
    mem_free(parent_path);
    if (parent < 0)
        return parent;
    int fd = files_open_below(parent, name, true, mode, durable, e);
    close(parent);
    if (fd < 0) {
        (void)error_context(e, "%s", path);
        return fd;
    }
    close(fd);
    return 0;
}

int files_mkdirs(const char *path, unsigned mode, bool durable, struct error *e)
{
    struct stat st;
    if (mode == 0)
        mode = FOLDER_MODE;
    char *part = mem_strdup(path);
    if (!part)
        return error_set(e, ERR_NOMEM, "out of memory");
    size_t len = strlen(part);
    while (len > 1 && part[len - 1] == '/')
        part[--len] = '\0';
    int rc = 0;
    for (size_t i = 1; i <= len && rc == 0; i++) {
        if ((part[i] != '/' && part[i] != '\0') || part[i - 1] == '/')
            continue;
        char kept = part[i];
        part[i] = '\0';
        if (stat(part, &st) == 0)
            rc = S_ISDIR(st.st_mode) ? 0 : error_set(e, ERR_NOPLACE, "%s is not a folder", part);
        else if (errno == ENOENT)
            rc = make_one(part, mode, durable, e);
        else
            rc = error_errno(e, errno, "cannot look at %s", part);
        part[i] = kept;
    }
    mem_free(part);
    return rc;
}

int files_open_folder(const char *path, struct error *e)
{
    int fd = open_again(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    return fd >= 0 ? fd : error_errno(e, errno, "cannot open folder %s", path);
}

static int open_child(int parent_fd, const char *name)
{
    return open_again(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

int files_open_below(int parent_fd, const char *name, bool create, unsigned mode, bool durable, struct error *e)
{
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return error_set(e, ERR_BAD_NAME, "\"%s\" cannot be a folder's name", name);
    int fd = open_child(parent_fd, name);
    if (fd >= 0)
        return fd;
    if (errno == ENOTDIR || errno == ELOOP)
        return error_set(e, ERR_NOPLACE, "%s is a symbolic link or not a folder", name);
    if (errno != ENOENT || !create)
        return error_errno(e, errno, "cannot open folder %s", name);
    if (mode == 0)
        mode = FOLDER_MODE;
    bool made = mkdirat(parent_fd, name, (mode_t)mode) == 0;
    if (!made && errno != EEXIST)
        return error_errno(e, errno, "cannot make folder %s", name);
    fd = open_child(parent_fd, name);
    if (fd < 0) {
        int code = error_errno(e, errno, "cannot open folder %s", name);
        if (made) /* without its mode yet: the next try makes it anew */
            unlinkat(parent_fd, name, AT_REMOVEDIR);
        return code;
    }
    int rc = 0;
    if (made)
        rc = finish_folder(parent_fd, name, fd, mode, durable, e);
    else if (durable) /* another made it a moment ago, and may not have got as far as this */
        rc = files_sync(parent_fd, name, e);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

/* XFS that was shut down (its disk died) tells success for a folder, and for a file where it comes in between: there is
 * nothing left to flush, since what was to be written was thrown away. That it is shut down it tells in fstat. */
int files_sync(int fd, const char *what, struct error *e)
{
    struct stat st;
    int rc, errnum;
    do
        rc = fsync(fd);
    while (rc != 0 && errno == EINTR);
    errnum = rc == 0 ? 0 : errno;
    if (fstat(fd, &st) != 0)
        errnum = errnum ? errnum : errno;
    else if (errnum == EINVAL && S_ISDIR(st.st_mode)) /* some file systems have nothing to flush for a folder */
        errnum = 0;
    return errnum == 0 ? 0 : error_errno(e, errnum, "cannot flush %s", what);
}

int files_flushed(int fd, const char *what, struct error *e)
{
    int rc;
    do
        rc = sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_AFTER);
    while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : error_errno(e, errno, "cannot flush %s", what);
}

void files_set_time(int fd, int64_t mtime_ns)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW},
                                {.tv_sec = mtime_ns / 1000000000, .tv_nsec = mtime_ns % 1000000000}};
    if (times[1].tv_nsec < 0) { /* before 1970 */
        times[1].tv_sec--;
        times[1].tv_nsec += 1000000000;
    }
    (void)!futimens(fd, times);
}

int files_write_all(int fd, const void *bytes, size_t len, struct error *e)
{
    const char *p = bytes;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(e, n < 0 ? errno : EIO, "cannot write");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

bool files_is_mount(const char *path)
{
    struct statx st;
    int rc;
    do
        rc = statx(AT_FDCWD, path, 0, STATX_TYPE, &st);
    while (rc != 0 && errno == EINTR);
    return rc == 0 && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void files_sha256(const void *bytes, size_t len, uint8_t out[SHA256_SIZE])
{
    struct sha256_ctx digest;
    sha256_init(&digest);
    sha256_update(&digest, len, bytes);
    sha256_digest(&digest, SHA256_SIZE, out);
}

void files_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

/* Leaves out doubled slashes and "." parts, in place. */
static void tidy(char *path)
{
    char *to = path;
    for (const char *from = path; *from;) {
        bool start = from == path || from[-1] == '/';
        if (*from == '/' && from[1] == '/') {
            from++;
        } else if (start && from != path && from[0] == '.' && (from[1] == '/' || from[1] == '\0')) {
            from += from[1] == '/' ? 2 : 1;
        } else {
            *to++ = *from++;
        }
    }
    while (to > path + 1 && to[-1] == '/')
        to--;
    *to = '\0';
}

char *files_join(const char *base, const char *path)
{
    size_t base_len = path[0] == '/' ? 0 : strlen(base), path_len = strlen(path);
    char *out = mem_alloc(base_len + path_len + 2);
    if (!out)
        return NULL;
    memcpy(out, base, base_len);
    if (base_len > 0)
        out[base_len++] = '/';
    memcpy(out + base_len, path, path_len + 1);
    tidy(out);
    return out;
}
