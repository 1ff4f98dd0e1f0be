/* pressure.c: see pressure.h. */
#include "shunt/service/pressure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"
#include "shunt/io/files.h"

#define FILE_MAX_BYTES 65536
#define TICKET_BYTES   (1024 * 1024) /* in work: what it is read into, its requests, its answers; generously */
#define RETRY_QUEUE_S  5
#define RETRY_MEMORY_S 30
#define RETRY_DISK_S   60

/* mem_free; NULL: it cannot be read. */
static char *read_text(const char *root, const char *folder, const char *name)
{
    struct str path = STR_INIT;
    struct error ignored = {0};
    char *text = NULL;
    size_t len;
    str_printf(&path, "%s%s/%s", root, folder, name);
    if (!str_failed(&path) && files_read(path.bytes, FILE_MAX_BYTES, &text, &len, &ignored) != 0)
        text = NULL;
    str_fini(&path);
    return text;
}

/* The number behind a word at the beginning of a line; 0: there is none. */
static uint64_t number_of(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, len) == 0)
            return strtoull(line + len, NULL, 10);
    }
    return 0;
}

static void read_host(struct pressure *p, const char *root)
{
    char *text = read_text(root, "/proc", "meminfo");
    if (text) {
        p->total_bytes = number_of(text, "MemTotal:") * 1024;
        p->available_bytes = number_of(text, "MemAvailable:") * 1024;
    }
    mem_free(text);
    text = read_text(root, "/proc/self", "statm");
    unsigned long long pages = 0;
    if (text && sscanf(text, "%*u %llu", &pages) == 1)
        p->own_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    mem_free(text);
}

static void read_stalls(struct pressure *p, const char *root, const char *group)
{
    char *text = read_text(root, group, "memory.pressure");
    const char *full = text ? strstr(text, "full avg10=") : NULL, *some = text ? strstr(text, "some avg10=") : NULL;
    double percent;
    if (full && sscanf(full, "full avg10=%lf", &percent) == 1 && percent > p->stalled_percent)
        p->stalled_percent = percent;
    if (some && sscanf(some, "some avg10=%lf", &percent) == 1 && percent > p->some_percent)
        p->some_percent = percent;
    mem_free(text);
}

/* The group with the smaller part of its limit left is the one that counts. */
static void read_limit(struct pressure *p, const char *root, const char *group)
{
    char *max = read_text(root, group, "memory.max"), *current = read_text(root, group, "memory.current");
    char *stat = read_text(root, group, "memory.stat");
    uint64_t limit = max ? strtoull(max, NULL, 10) : 0; /* "max": 0 */
    uint64_t used = current ? strtoull(current, NULL, 10) : 0, cached = stat ? number_of(stat, "inactive_file ") : 0;
    used -= cached < used ? cached : used;
    bool tighter = p->limit_bytes == 0 || (double)used / (double)limit > (double)p->used_bytes / (double)p->limit_bytes;
    if (limit > 0 && tighter) {
        p->limit_bytes = limit;
        p->used_bytes = used;
    }
    mem_free(max);
    mem_free(current);
    mem_free(stat);
}

/* Control groups of version 2: "0::/path". */
static void read_groups(struct pressure *p, const char *root)
{
    char *text = read_text(root, "/proc/self", "cgroup");
    char *path = text ? strstr(text, "0::/") : NULL;
    p->some_percent = p->stalled_percent = -1;
    if (!path || (path != text && path[-1] != '\n')) {
        mem_free(text);
        return;
    }
    path += strlen("0::");
    path[strcspn(path, "\n")] = '\0';
    for (bool own = true;; own = false) {
        struct str group = STR_INIT;
        str_printf(&group, "/sys/fs/cgroup%s", strcmp(path, "/") == 0 ? "" : path);
        if (!str_failed(&group)) {
            read_limit(p, root, group.bytes);
            if (own) /* above are others, whose troubles are not ours */
                read_stalls(p, root, group.bytes);
        }
        str_fini(&group);
        char *slash = strrchr(path, '/');
        if (!slash || path[1] == '\0')
            break;
        slash[slash == path] = '\0';
    }
    mem_free(text);
}

void pressure_read(struct pressure *p, const char *root, const char *const *folders)
{
    *p = (struct pressure){.waiting = p->waiting, .more = p->more, .free_bytes = UINT64_MAX};
    read_host(p, root);
    read_groups(p, root);
    for (; *folders; folders++) {
        struct statvfs disk;
        if (statvfs(*folders, &disk) != 0)
            continue;
        uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
        p->free_bytes = free_bytes < p->free_bytes ? free_bytes : p->free_bytes;
    }
}

static bool above(uint64_t used, uint64_t of, int64_t percent)
{
    return of > 0 && (double)used * 100 > (double)of * (double)percent;
}

enum pressure_limit pressure_judge(const struct pressure *p, const struct settings *s, char why[PRESSURE_TEXT_MAX])
{
    uint64_t used = p->total_bytes > p->available_bytes ? p->total_bytes - p->available_bytes : 0;
    why[0] = '\0';
    if (above(p->used_bytes, p->limit_bytes, s->max_memory_percent)) {
        snprintf(why, PRESSURE_TEXT_MAX,
                 "memory: %" PRIu64 " of the container's %" PRIu64 " MiB are in use, more than %lld %%",
                 p->used_bytes >> 20, p->limit_bytes >> 20, (long long)s->max_memory_percent);
        return PRESSURE_MEMORY;
    }
    if (p->stalled_percent > PRESSURE_STALLED_MAX) {
        snprintf(why, PRESSURE_TEXT_MAX, "memory: the container waits for it %.0f %% of the time", p->stalled_percent);
        return PRESSURE_MEMORY;
    }
    if (above(used, p->total_bytes, s->max_memory_percent)) {
        snprintf(why, PRESSURE_TEXT_MAX,
                 "memory: %" PRIu64 " of the host's %" PRIu64 " MiB are in use, more than %lld %%", used >> 20,
                 p->total_bytes >> 20, (long long)s->max_memory_percent);
        return PRESSURE_MEMORY;
    }
    if (p->free_bytes < (uint64_t)s->min_free_bytes) {
        snprintf(why, PRESSURE_TEXT_MAX, "disk: %" PRIu64 " MiB are free, less than %lld", p->free_bytes >> 20,
                 (long long)s->min_free_bytes >> 20);
        return PRESSURE_DISK;
    }
    if (p->waiting + p->more > (size_t)s->queue_limit) {
        snprintf(why, PRESSURE_TEXT_MAX, "queue: %zu wait in it, it takes %lld", p->waiting, (long long)s->queue_limit);
        return PRESSURE_QUEUE;
    }
    return PRESSURE_NONE;
}

const char *pressure_word(enum pressure_limit limit)
{
    static const char *const words[] = {"none", "memory", "disk", "queue"};
    return words[limit];
}

unsigned pressure_retry_s(enum pressure_limit limit)
{
    static const unsigned seconds[] = {1, RETRY_MEMORY_S, RETRY_DISK_S, RETRY_QUEUE_S};
    return seconds[limit];
}

size_t pressure_concurrency(const struct pressure *p, const struct settings *s)
{
    uint64_t of = p->limit_bytes ? p->limit_bytes : p->total_bytes;
    uint64_t used = p->limit_bytes ? p->used_bytes : p->total_bytes - p->available_bytes;
    uint64_t may = of / 100 * (uint64_t)s->max_memory_percent, room = may > used ? (may - used) / TICKET_BYTES : 0;
    if (of == 0 || room > (uint64_t)s->in_work_limit)
        return (size_t)s->in_work_limit;
    return room > 0 ? (size_t)room : 1;
}
