/* drop.c: a producer and a consumer in one process, so that one clock tells how long each ticket took.
 *
 *   drop DATA COUNT RATE rename|write WAIT whole|closed
 *
 * Drops tickets 0..COUNT-1, RATE a second (0: all at once). `rename`: each is written in incoming/ and renamed into its
 * hot folder, the time runs from just before the rename; all at once: all are written and flushed before the first
 * rename. `write`: it is written in place and the time runs from just before the close. It stops when the ticket is
 * whole in the archive and in every destination: renamed there; with `closed` also closed there, by a contender that
 * writes in place; with `whole` also linked there, by one whose names are whole as soon as they are there.
 * Waits at most WAIT seconds for the last ones.
 * Prints latencies in ms: {"p50", "p90", "p99", "max", "missing", "lost_events", "late" (how far the producer lagged)};
 * null: never.
 * Both threads ask for real-time priority, so that the contender's latency is measured and not ours. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "tickets.h"

#define WATCHES_MAX 64
#define NS          INT64_C(1000000000)

struct ticket {
    _Atomic int64_t dropped_ns;
    int64_t seen_ns; /* in its last place; 0: not yet */
    unsigned char places, seen;
};

struct watched {
    int place; /* 0: archive, 1: the client's destination, 2: Celtra */
};

static struct ticket *tickets;
static unsigned count;
static atomic_uint n_seen;
static atomic_bool stop;
static bool lost_events;
static int queue;
static struct watched watches[WATCHES_MAX];
static char document[TICKET_MAX + 1];

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS + t.tv_nsec;
}

static void watch(const char *data, const char *path, int place, bool whole_names)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "%s/%s", data, path);
    int wd = inotify_add_watch(queue, whole, IN_ONLYDIR | IN_MOVED_TO | (whole_names ? IN_CREATE : IN_CLOSE_WRITE));
    if (wd < 0 || wd >= WATCHES_MAX)
        die("cannot watch", whole);
    watches[wd].place = place;
}

static void watch_all(const char *data, bool whole_names)
{
    char path[256];
    queue = inotify_init1(IN_CLOEXEC);
    if (queue < 0)
        die("cannot watch", data);
    for (size_t i = 0; i < n_clients; i++) {
        snprintf(path, sizeof path, "%s/%s", ARCHIVE, clients[i].name);
        watch(data, path, 0, whole_names);
        if (clients[i].destination)
            watch(data, clients[i].destination, 1, whole_names);
    }
    watch(data, CELTRA, 2, whole_names);
}

static void see(const struct inotify_event *event, int64_t at)
{
    unsigned number;
    if (event->mask & IN_Q_OVERFLOW)
        lost_events = true;
    if (event->wd < 0 || event->len == 0 || !ticket_number(event->name, &number) || number >= count)
        return;
    struct ticket *t = &tickets[number];
    unsigned char bit = (unsigned char)(1U << watches[event->wd].place);
    if (t->seen & bit)
        return;
    t->seen |= bit;
    if (t->seen != t->places)
        return;
    t->seen_ns = at;
    atomic_fetch_add(&n_seen, 1);
}

static void *observe(void *unused)
{
    static char buffer[1 << 20] __attribute__((aligned(__alignof__(struct inotify_event))));
    struct pollfd ready = {.fd = queue, .events = POLLIN};
    while (!atomic_load(&stop)) {
        if (poll(&ready, 1, 50) <= 0)
            continue;
        int64_t at = now_ns();
        ssize_t n = read(queue, buffer, sizeof buffer);
        for (char *p = buffer; n > 0 && p < buffer + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)p;
            see(event, at);
            p += sizeof *event + event->len;
        }
    }
    return unused;
}

static void write_ticket(const char *path, unsigned number, bool times)
{
    size_t size = ticket_render(number, document);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0664);
    if (fd < 0 || write(fd, document, size) != (ssize_t)size)
        die("cannot write", path);
    if (times)
        atomic_store(&tickets[number].dropped_ns, now_ns());
    close(fd);
}

static void incoming_path(const char *data, unsigned number, char path[4096])
{
    snprintf(path, 4096, "%s/%s/%u", data, INCOMING, number);
}

static void prepare(const char *data)
{
    char path[4096];
    for (unsigned i = 0; i < count; i++) {
        incoming_path(data, i, path);
        write_ticket(path, i, false);
    }
    int fd = open(data, O_RDONLY);
    syncfs(fd);
    close(fd);
}

static void drop(const char *data, unsigned number, bool in_place, bool prepared)
{
    char from[4096], to[4096], name[TICKET_NAME_SIZE];
    ticket_name(number, name);
    snprintf(to, sizeof to, "%s/%s/%s/%s", data, HOT, ticket_client(number)->name, name);
    if (in_place) {
        write_ticket(to, number, true);
        return;
    }
    incoming_path(data, number, from);
    if (!prepared)
        write_ticket(from, number, false);
    atomic_store(&tickets[number].dropped_ns, now_ns());
    if (rename(from, to) != 0)
        die("cannot drop", to);
}

static int64_t drop_all(const char *data, unsigned rate, bool in_place)
{
    int64_t start = now_ns(), late = 0;
    for (unsigned i = 0; i < count; i++) {
        if (rate > 0) {
            int64_t due = start + i * NS / rate;
            struct timespec t = {.tv_sec = due / NS, .tv_nsec = due % NS};
            while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
                continue;
        }
        drop(data, i, in_place, rate == 0);
        if (rate > 0 && tickets[i].dropped_ns - (start + i * NS / rate) > late)
            late = tickets[i].dropped_ns - (start + i * NS / rate);
    }
    return late;
}

static void wait_for_all(unsigned seconds)
{
    int64_t until = now_ns() + seconds * NS;
    while (atomic_load(&n_seen) < count && now_ns() < until)
        usleep(10000);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_rank(const char *key, const double *sorted, size_t rank)
{
    if (sorted[rank] < 1e300)
        printf("\"%s\": %.4f, ", key, sorted[rank]);
    else
        printf("\"%s\": null, ", key);
}

static void report(int64_t late)
{
    double *ms = calloc(count, sizeof *ms);
    if (!ms)
        die("no memory for", "the report");
    for (unsigned i = 0; i < count; i++)
        ms[i] = tickets[i].seen_ns ? (double)(tickets[i].seen_ns - tickets[i].dropped_ns) / 1e6 : 1e301;
    qsort(ms, count, sizeof *ms, compare);
    printf("{");
    print_rank("p50", ms, (count - 1) / 2);
    print_rank("p90", ms, (size_t)((count - 1) * 0.9));
    print_rank("p99", ms, (size_t)((count - 1) * 0.99));
    print_rank("max", ms, count - 1);
    printf("\"missing\": %u, \"lost_events\": %s, \"late\": %.3f}\n", count - atomic_load(&n_seen),
           lost_events ? "true" : "false", (double)late / 1e6);
    free(ms);
}

int main(int argc, char **argv)
{
    pthread_t observer;
    char places[PLACES_MAX][256];
    count = argc == 7 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (count == 0 || !(tickets = calloc(count, sizeof *tickets))) {
        fprintf(stderr, "usage: drop DATA COUNT RATE rename|write WAIT whole|closed\n");
        return 2;
    }
    unsigned rate = (unsigned)strtoul(argv[3], NULL, 10);
    bool in_place = strcmp(argv[4], "write") == 0;
    for (unsigned i = 0; i < count; i++)
        tickets[i].places = (unsigned char)((1U << ticket_places(i, places)) - 1);
    if (rate == 0 && !in_place)
        prepare(argv[1]);
    watch_all(argv[1], strcmp(argv[6], "whole") == 0);
    sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
    if (pthread_create(&observer, NULL, observe, NULL) != 0)
        die("cannot start", "a thread");
    if (rate == 0)
        usleep(500000); /* what the preparation stirred up has settled */
    int64_t late = drop_all(argv[1], rate, in_place);
    wait_for_all((unsigned)strtoul(argv[5], NULL, 10));
    atomic_store(&stop, true);
    pthread_join(observer, NULL);
    report(late);
    return 0;
}
