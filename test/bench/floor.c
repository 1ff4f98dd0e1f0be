/* floor.c: the least that the router's work costs: the bare system calls, nothing parsed, logged or asked.
 *
 *   floor DATA THREADS none|full
 *
 * For each ticket: open, read, close, rename to underprocess, in the archive and in each destination create a
 * temporary, write, close, rename; then unlink. With `full` threads take 64 tickets at a time and flush the file system
 * once after their writes and once after their renames: the bytes are durable before they have their name, the names
 * before the original goes.
 * Prints {"tickets", "seconds", "end" (wall clock)}. Any error ends it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tickets.h"

#define GROUP       64
#define THREADS_MAX 64
#define TEMP_SIZE   (TICKET_NAME_SIZE + 5)

struct folders { /* of one client; held open all the time */
    int hot, underprocess, archive, destination;
};

struct waiting {
    unsigned char client;
    char name[TICKET_NAME_SIZE];
};

struct written {
    int folder;
    const char *name;
};

static struct folders folders[16];
static int celtra, root;
static struct waiting *tickets;
static size_t n_tickets;
static atomic_size_t next_ticket;
static bool durable;

static int open_folder(const char *data, const char *path, const char *client)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "%s/%s%s%s", data, path, client ? "/" : "", client ? client : "");
    int fd = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        die("cannot open", whole);
    return fd;
}

static void open_all(const char *data)
{
    char path[256];
    root = open_folder(data, HOT, NULL);
    celtra = open_folder(data, CELTRA, NULL);
    for (size_t i = 0; i < n_clients; i++) {
        const struct client *c = &clients[i];
        snprintf(path, sizeof path, "%s/%s", UNDERPROCESS, c->name);
        make_folder(data, path);
        folders[i] = (struct folders){.hot = open_folder(data, HOT, c->name),
                                      .underprocess = open_folder(data, UNDERPROCESS, c->name),
                                      .archive = open_folder(data, ARCHIVE, c->name),
                                      .destination = c->destination ? open_folder(data, c->destination, NULL) : -1};
    }
}

static void list_all(void)
{
    size_t room = 0;
    for (size_t i = 0; i < n_clients; i++) {
        DIR *dir = fdopendir(dup(folders[i].hot));
        if (!dir)
            die("cannot list", clients[i].name);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            unsigned number;
            if (!ticket_number(entry->d_name, &number))
                continue;
            if (n_tickets == room && !(tickets = realloc(tickets, (room = room ? 2 * room : 4096) * sizeof *tickets)))
                die("no memory for", "the list");
            tickets[n_tickets].client = (unsigned char)i;
            memccpy(tickets[n_tickets++].name, entry->d_name, '\0', TICKET_NAME_SIZE);
        }
        closedir(dir);
    }
}

static size_t read_ticket(const struct waiting *t, char *buffer)
{
    int fd = openat(folders[t->client].hot, t->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("cannot open", t->name);
    ssize_t n = read(fd, buffer, TICKET_MAX + 1);
    if (n < 0 || n > TICKET_MAX)
        die("cannot read", t->name);
    close(fd);
    if (renameat(folders[t->client].hot, t->name, folders[t->client].underprocess, t->name) != 0)
        die("cannot claim", t->name);
    return (size_t)n;
}

static void temp_name(const char *name, char temp[TEMP_SIZE])
{
    snprintf(temp, TEMP_SIZE, ".%s.tmp", name);
}

static void write_copy(int folder, const char *name, const char *bytes, size_t size)
{
    char temp[TEMP_SIZE];
    temp_name(name, temp);
    int fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0664);
    if (fd < 0)
        die("cannot make", name);
    if (write(fd, bytes, size) != (ssize_t)size || close(fd) != 0)
        die("cannot write", name);
}

static void name_copy(const struct written *w)
{
    char temp[TEMP_SIZE];
    temp_name(w->name, temp);
    if (renameat(w->folder, temp, w->folder, w->name) != 0)
        die("cannot name", w->name);
}

static void flush(void)
{
    if (durable && syncfs(root) != 0)
        die("cannot flush", "the file system");
}

static void run_group(size_t first, size_t count, char *buffer)
{
    struct written written[GROUP * PLACES_MAX];
    size_t n = 0;
    for (size_t i = first; i < first + count; i++) {
        const struct waiting *t = &tickets[i];
        const struct folders *f = &folders[t->client];
        size_t size = read_ticket(t, buffer);
        const int to[PLACES_MAX] = {f->archive, f->destination, memmem(buffer, size, "\"CELTRA\"", 8) ? celtra : -1};
        for (size_t k = 0; k < PLACES_MAX; k++) {
            if (to[k] < 0)
                continue;
            write_copy(to[k], t->name, buffer, size);
            written[n++] = (struct written){to[k], t->name};
        }
    }
    flush();
    for (size_t i = 0; i < n; i++)
        name_copy(&written[i]);
    flush();
    for (size_t i = first; i < first + count; i++) {
        if (unlinkat(folders[tickets[i].client].underprocess, tickets[i].name, 0) != 0)
            die("cannot remove", tickets[i].name);
    }
}

static void *run(void *unused)
{
    char *buffer = malloc(TICKET_MAX + 1);
    size_t size = durable ? GROUP : 1;
    if (!buffer)
        die("no memory for", "a ticket");
    for (size_t first; (first = atomic_fetch_add(&next_ticket, size)) < n_tickets;)
        run_group(first, n_tickets - first < size ? n_tickets - first : size, buffer);
    free(buffer);
    return unused;
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX];
    unsigned long n_threads = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    if (n_threads < 1 || n_threads > THREADS_MAX) {
        fprintf(stderr, "usage: floor DATA THREADS none|full\n");
        return 2;
    }
    double start = now(CLOCK_MONOTONIC);
    durable = strcmp(argv[3], "full") == 0;
    open_all(argv[1]);
    list_all();
    for (size_t i = 0; i < n_threads; i++) {
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            die("cannot start", "a thread");
    }
    for (size_t i = 0; i < n_threads; i++)
        pthread_join(threads[i], NULL);
    printf("{\"tickets\": %zu, \"seconds\": %.6f, \"end\": %.6f}\n", n_tickets, now(CLOCK_MONOTONIC) - start,
           now(CLOCK_REALTIME));
    return 0;
}
