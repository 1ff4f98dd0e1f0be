/* scratch.h: a temporary folder for a test, and quick ways to make and read files in it. A failure ends the test. */
#ifndef SHUNT_TEST_SCRATCH_H
#define SHUNT_TEST_SCRATCH_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../scarce.h"

struct scratch {
    char root[64];
    char path[8][512]; /* the last paths made by in() */
    unsigned turn;
};

static inline int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void scratch_remove(const char *root)
{
    nftw(root, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int scratch_setup_at(void **state, const char *template)
{
    struct scratch *s = calloc(1, sizeof *s);
    signal(SIGIO, SIG_IGN); /* a broken lease */
    snprintf(s->root, sizeof s->root, "%s", template);
    if (!mkdtemp(s->root))
        return -1;
    *state = s;
    return 0;
}

static inline int scratch_setup(void **state)
{
    return scratch_setup_at(state, "/tmp/shunt-test-XXXXXX");
}

/* Where hundreds of runs need not wait for a disk. */
static inline int scratch_setup_in_memory(void **state)
{
    bool there = access("/dev/shm", W_OK) == 0;
    return scratch_setup_at(state, there ? "/dev/shm/shunt-test-XXXXXX" : "/tmp/shunt-test-XXXXXX");
}

static inline int scratch_teardown(void **state)
{
    struct scratch *s = *state;
    scratch_remove(s->root);
    free(s);
    return 0;
}

/* root/name; good until the eighth call after it */
static inline const char *in(struct scratch *s, const char *name)
{
    char *path = s->path[s->turn++ % 8];
    assert_true(strlen(s->root) + strlen(name) + 2 <= sizeof s->path[0]);
    stpcpy(stpcpy(stpcpy(path, s->root), "/"), name);
    return path;
}

static inline void put_bytes(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static inline void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

/* A whole small file. */
static inline void copy(const char *from, const char *to)
{
    char bytes[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, bytes, sizeof bytes)) != 0;)
        assert_int_equal(write(out, bytes, n > 0 ? (size_t)n : 0), n);
    close(in);
    close(out);
}

/* The text of a file, or NULL where there is none; good until the next call. */
static inline const char *get(const char *path)
{
    static char text[65536];
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    if (fd < 0)
        return NULL;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static inline void assert_file(const char *path, const char *text)
{
    const char *found = get(path);
    if (!found)
        fail_msg("%s is missing", path);
    assert_string_equal(found, text);
}

static inline bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static inline unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

/* Entries of a folder, also those with a dot. */
static inline size_t entries(const char *path)
{
    size_t n = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return n;
}

static inline size_t open_descriptors(void)
{
    return entries("/proc/self/fd");
}

#endif
