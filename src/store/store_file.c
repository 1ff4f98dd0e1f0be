/* store_file.c: the snapshot as one JSON document in a file.
 *
 * Saved into .NAME.tmp beside it, flushed, renamed over, the folder flushed: a reader finds the old or the new one
 * whole, also after a power cut. The temporary file is locked while it is written, so that a second process on the same
 * store is told ERR_BUSY instead of mixing its bytes into ours. A document that cannot be read is renamed to
 * NAME.damaged (.1, .2 ... when there is one already) and never deleted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"
#include "shunt/store/store.h"

#define SNAPSHOT_MAX_BYTES (256 * 1024 * 1024)
#define DAMAGED_MAX        1000

struct file_store {
    struct store store;
    char *path, *folder, *temporary;
};

static void file_close(struct store *s)
{
    struct file_store *f = (struct file_store *)s;
    mem_free(f->path);
    mem_free(f->folder);
    mem_free(f->temporary);
    mem_free(f);
}

static char *joined(const char *a, const char *b, const char *c, const char *d)
{
    struct str s = STR_INIT;
    str_puts(&s, a);
    str_puts(&s, b);
    str_puts(&s, c);
    str_puts(&s, d);
    return str_take(&s);
}

static int set_paths(struct file_store *f, const char *rest, const char *base, struct error *e)
{
    f->path = *rest == '/' ? mem_strdup(rest) : joined(base, "/", rest, "");
    if (!f->path) {
        return error_set(e, ERR_NOMEM, "no memory for the store");
    }
    const char *slash = strrchr(f->path, '/');
    f->folder = slash == f->path ? mem_strdup("/") : mem_strndup(f->path, (size_t)(slash - f->path));
    f->temporary = f->folder ? joined(f->folder, "/.", slash + 1, ".tmp") : NULL;
    return f->temporary ? 0 : error_set(e, ERR_NOMEM, "no memory for the store");
}

static int check_place(const struct file_store *f, struct error *e)
{
    struct stat st;
    if (stat(f->folder, &st) != 0) {
        int errnum = errno;
        return error_errno(e, errnum, "folder of the store %s", f->path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return error_errno(e, ENOTDIR, "folder of the store %s", f->path);
    }
    if (stat(f->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return error_set(e, ERR_CONFIG, "the store %s is not a regular file", f->path);
    }
    return 0;
}

static int file_open(struct store **out, const char *rest, const char *base, struct error *e)
{
    size_t n = strlen(rest);
    if (n == 0 || rest[n - 1] == '/') {
        return error_set(e, ERR_CONFIG, "file:%s names no file for the store", rest);
    }
    struct file_store *f = mem_zalloc(sizeof *f);
    if (!f) {
        return error_set(e, ERR_NOMEM, "no memory for the store");
    }
    f->store.driver = &store_file;
    int rc = set_paths(f, rest, base, e);
    if (rc == 0) {
        rc = check_place(f, e);
    }
    if (rc) {
        file_close(&f->store);
        return rc;
    }
    *out = &f->store;
    return 0;
}

/* ---- saving ---- */

/* Open, locked, and still the file of that name: whoever held the lock before may have renamed it away. */
static int open_temporary(const struct file_store *f, struct error *e)
{
    for (int tries = 0; tries < 10; tries++) {
        int fd = open(f->temporary, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0) {
            int errnum = errno;
            return error_errno(e, errnum, "open %s", f->temporary);
        }
        struct stat ours, named;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &ours) == 0 && lstat(f->temporary, &named) == 0 &&
            ours.st_dev == named.st_dev && ours.st_ino == named.st_ino) {
            return fd;
        }
        close(fd);
    }
    return error_set(e, ERR_BUSY, "another process is writing the store %s", f->path);
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        } else if (done == 0 || errno != EINTR) {
            return done == 0 ? EIO : errno;
        }
    }
    return 0;
}

static int flush_folder(const struct file_store *f, struct error *e)
{
    int fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int errnum = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return errnum ? error_errno(e, errnum, "flush folder %s", f->folder) : 0;
}

static int replace(const struct file_store *f, const struct str *text, struct error *e)
{
    int fd = open_temporary(f, e);
    if (fd < 0) {
        return fd;
    }
    const char *what = "write";
    int errnum = ftruncate(fd, 0) != 0 ? errno : write_all(fd, text->bytes, text->len);
    if (errnum == 0 && fsync(fd) != 0) {
        what = "flush";
        errnum = errno;
    }
    /* renamed while it is locked */
    if (errnum == 0 && rename(f->temporary, f->path) != 0) {
        what = "rename";
        errnum = errno;
    }
    if (errnum) {
        (void)unlink(f->temporary); /* a failed flush is final: these bytes are not to be trusted again */
    }
    if (close(fd) != 0 && errnum == 0) {
        what = "close";
        errnum = errno;
    }
    return errnum ? error_errno(e, errnum, "%s %s", what, f->temporary) : flush_folder(f, e);
}

static int append(const char *bytes, size_t n, void *user)
{
    struct str *text = user;
    str_add(text, bytes, n);
    return str_failed(text) ? -1 : 0;
}

static int file_save(struct store *s, const json_t *snapshot, struct error *e)
{
    struct file_store *f = (struct file_store *)s;
    struct str text = STR_INIT;
    int failed = json_dump_callback(snapshot, append, &text, JSON_COMPACT);
    str_putc(&text, '\n');
    int rc;
    if (str_failed(&text)) {
        rc = error_set(e, ERR_NOMEM, "no memory to save into the store %s", f->path);
    } else if (failed) {
        rc = error_set(e, ERR_INTERNAL, "what is to be saved into the store %s is not a JSON document", f->path);
    } else if (text.len > SNAPSHOT_MAX_BYTES) {
        rc = error_set(e, ERR_TOO_LARGE, "too much for the store %s", f->path);
    } else {
        rc = replace(f, &text, e);
    }
    str_fini(&text);
    return rc;
}

/* ---- loading ---- */

static int set_aside(const struct file_store *f, const char *why, struct error *e)
{
    for (int i = 0; i < DAMAGED_MAX; i++) {
        char number[16] = "";
        if (i > 0) {
            (void)snprintf(number, sizeof number, ".%d", i);
        }
        char *aside = joined(f->path, ".damaged", number, "");
        if (!aside) {
            return error_set(e, ERR_NOMEM, "no memory for the store");
        }
        struct stat st;
        bool is_free = lstat(aside, &st) != 0 && errno == ENOENT;
        int rc = 0;
        if (is_free && rename(f->path, aside) != 0) {
            int errnum = errno;
            rc = error_errno(e, errnum, "set %s aside", f->path);
        } else if (is_free) {
            rc = error_set(e, ERR_SYNTAX, "the store %s is damaged (%s); set aside as %s", f->path, why, aside);
        }
        mem_free(aside);
        if (is_free) {
            return rc;
        }
    }
    return error_set(e, ERR_CONFIG, "the store %s is damaged (%s), and so were %d before; remove some", f->path, why,
                     DAMAGED_MAX);
}

/* 0 with text; 0 and *missing where there is none. */
static int read_text(const struct file_store *f, struct str *text, bool *missing, struct error *e)
{
    int fd = open(f->path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    *missing = fd < 0 && errno == ENOENT;
    if (fd < 0) {
        int errnum = errno;
        return *missing ? 0 : error_errno(e, errnum, "open %s", f->path);
    }
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        rc = error_set(e, ERR_CONFIG, "the store %s is not a regular file", f->path);
    }
    char part[65536];
    while (rc == 0) {
        ssize_t n = read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            int errnum = errno;
            rc = n < 0 ? error_errno(e, errnum, "read %s", f->path) : 0;
            break;
        }
        str_add(text, part, (size_t)n);
        if (text->len > SNAPSHOT_MAX_BYTES) {
            rc = error_set(e, ERR_TOO_LARGE, "the store %s is larger than %d MiB", f->path, SNAPSHOT_MAX_BYTES >> 20);
        } else if (str_failed(text)) {
            rc = error_set(e, ERR_NOMEM, "no memory to read the store %s", f->path);
        }
    }
    close(fd);
    return rc;
}

static int file_load(struct store *s, json_t **snapshot, struct error *e)
{
    struct file_store *f = (struct file_store *)s;
    struct str text = STR_INIT;
    bool missing;
    int rc = read_text(f, &text, &missing, e);
    if (rc == 0 && !missing) {
        json_error_t why;
        *snapshot = json_loadb(text.bytes, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
        if (!*snapshot && (why.text[0] == '\0' || json_error_code(&why) == json_error_out_of_memory)) {
            /* most of Jansson's failed allocations leave no text: no reason to doubt the file */
            rc = error_set(e, ERR_NOMEM, "no memory to read the store %s", f->path);
        } else if (!*snapshot) {
            rc = set_aside(f, why.text, e);
        }
    }
    str_fini(&text);
    return rc;
}

const struct store_driver store_file = {
    .scheme = "file",
    .open = file_open,
    .save = file_save,
    .load = file_load,
    .close = file_close,
};
