/* log_file.h: a folder with a log in it, and what stands there afterwards. */
#ifndef SHUNT_TEST_LOG_FILE_H
#define SHUNT_TEST_LOG_FILE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#define WALL INT64_C(1770388246123) /* 2026-02-06T14:30:46.123Z */

static char folder[64], path[96], moved[96];
static struct clock_virtual now;
static int real_stdout = -1;

static inline int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/shunt-test-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/shunt.log", folder);
    snprintf(moved, sizeof moved, "%s/shunt.log.1", folder);
    clock_virtual_init(&now, WALL);
    return 0;
}

static inline void stdout_back(void)
{
    if (real_stdout >= 0) {
        dup2(real_stdout, STDOUT_FILENO);
        close(real_stdout);
        real_stdout = -1;
    }
}

static inline int teardown(void **state)
{
    (void)state;
    log_close();
    stdout_back();
    log_set_level(LOG_INFO);
    unlink(path);
    unlink(moved);
    return rmdir(folder);
}

static inline void open_log_as(enum log_format format, const char *file, bool to_stdout)
{
    struct error e = {0};
    const struct log_options options = {
        .level = LOG_INFO, .format = format, .file = file, .to_stdout = to_stdout, .clock = &now.clock};
    assert_int_equal(log_open(&options, &e), 0);
}

static inline char *read_all(int fd)
{
    struct str s = STR_INIT;
    char part[4096];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) > 0) {
        str_add(&s, part, (size_t)n);
    }
    return str_take(&s);
}

static inline char *text_of(const char *file)
{
    int fd = open(file, O_RDONLY);
    assert_true(fd >= 0);
    char *text = read_all(fd);
    close(fd);
    return text;
}

#endif
