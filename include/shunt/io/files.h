/* files.h: small blocking helpers on files and folders. Thread: any (on the loop only before it turns, or by what says
 * so). */
#ifndef SHUNT_IO_FILES_H
#define SHUNT_IO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shunt/base/error.h"

#define SHA256_SIZE 32

/* A regular file whole, NUL-terminated, freed by mem_free. ERR_NOPLACE where it is missing, ERR_TOO_LARGE above max,
 * ERR_NOT_OURS where it is no regular file. */
int files_read(const char *path, size_t max, char **out, size_t *len, struct error *e);

/* Replaces path whole: temporary beside it, write, fsync, rename, fsync of the folder. */
int files_write(const char *path, const void *bytes, size_t len, unsigned mode, struct error *e);
/* The same for a name in a folder that is held, whatever has become of its path. */
int files_write_at(int folder_fd, const char *name, const void *bytes, size_t len, unsigned mode, struct error *e);

/* rename(2) that never replaces, by the nearest way that the file system has. 0, EEXIST where the name is taken, or
 * another errno. */
int files_rename_new(int from_fd, const char *from, int to_fd, const char *to);

/* Folder and its parents, each with mode (0: 0755); existing ones are fine; new entries are fsynced into their parents
 * where durable. */
int files_mkdirs(const char *path, unsigned mode, bool durable, struct error *e);

/* Opens a folder (O_PATH is not used: it can be fsynced). ERR_NOPLACE where missing or not a folder. Returns an fd or a
 * negative code. */
int files_open_folder(const char *path, struct error *e);
/* A folder right below parent_fd: a single name, never a symbolic link; made with mode where missing and create. */
int files_open_below(int parent_fd, const char *name, bool create, unsigned mode, bool durable, struct error *e);

/* fsync; EINTR again, any other failure is final for what was written (never tried again on the same file). */
int files_sync(int fd, const char *what, struct error *e);
/* The time of the last change. Only for people's eyes, so a failure is none. */
void files_set_time(int fd, int64_t mtime_ns);
/* Did what was flushed together with other files (syncfs) get through for this one, since it was opened? Waits, does not
 * flush. */
int files_flushed(int fd, const char *what, struct error *e);
int files_write_all(int fd, const void *bytes, size_t len, struct error *e);

bool files_is_mount(const char *path); /* STATX_ATTR_MOUNT_ROOT */
void files_sha256(const void *bytes, size_t len, uint8_t out[SHA256_SIZE]);
/* Hex, lower case: 2 * n characters and a NUL into out. */
void files_hex(const uint8_t *bytes, size_t n, char *out);

/* base/path joined, or an absolute path; without "." parts, doubled and last slashes. mem_free. */
char *files_join(const char *base, const char *path);

#endif
