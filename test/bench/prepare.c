/* prepare.c: makes the folders and the backlog for a run, and checks afterwards that every ticket is where it belongs.
 *
 *   prepare tree DATA          the folders
 *   prepare backlog DATA N     the folders and N waiting tickets, flushed
 *   prepare large DATA MIB     the folders and incoming/large.json, flushed: a ticket that goes to three places
 *   prepare check DATA N       tickets 0..N-1 byte by byte in each of their places, nothing else there, nothing left
 *                              over; prints what is wrong and ends with 1 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tickets.h"

static char document[TICKET_MAX + 1], found[TICKET_MAX + 1];

static void make_tree(const char *data)
{
    static const char *const folders[] = {HOT, ARCHIVE, FAILED, UNDERPROCESS, INCOMING, CELTRA};
    char path[256];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        make_folder(data, folders[i]);
    for (size_t i = 0; i < n_clients; i++) {
        snprintf(path, sizeof path, "%s/%s", HOT, clients[i].name);
        make_folder(data, path);
        snprintf(path, sizeof path, "%s/%s", ARCHIVE, clients[i].name);
        make_folder(data, path);
        if (clients[i].destination)
            make_folder(data, clients[i].destination);
    }
}

static void write_whole(int fd, const char *bytes, size_t size, const char *name)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, bytes + done, size - done);
        if (n < 0)
            die("cannot write", name);
        done += (size_t)n;
    }
}

static void flush(const char *data)
{
    int fd = open(data, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || syncfs(fd) != 0)
        die("cannot flush", data);
    close(fd);
}

static void make_backlog(const char *data, unsigned count)
{
    char path[4096], name[TICKET_NAME_SIZE];
    for (unsigned i = 0; i < count; i++) {
        ticket_name(i, name);
        snprintf(path, sizeof path, "%s/%s/%s/%s", data, HOT, ticket_client(i)->name, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0664);
        if (fd < 0)
            die("cannot make", path);
        write_whole(fd, document, ticket_render(i, document), path);
        close(fd);
    }
}

/* Many elements and no long string: what a large ticket looks like to a parser. */
static void make_large(const char *data, unsigned mib)
{
    static const char head[] =
        "{\"JobSpecification\": {\"JobDetails\":\n{\"ClientCode\": \"RANK\", \"JobCategory\": \"CELTRA\"}},\n"
        "\"Parts\": [\n";
    static const char tail[] = "\"\"]}\n";
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/large.json", data, INCOMING);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0664);
    if (fd < 0)
        die("cannot make", path);
    for (size_t i = 0; i < TICKET_MAX; i += 512) {
        snprintf(document + i, 512, "%0509d", (int)i);
        document[i] = '"';
        memcpy(document + i + 509, "\",\n", 3);
    }
    write_whole(fd, head, sizeof head - 1, path);
    for (unsigned i = 0; i < mib; i++)
        write_whole(fd, document, TICKET_MAX, path);
    write_whole(fd, tail, sizeof tail - 1, path);
    close(fd);
}

static size_t read_found(const char *path)
{
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    size_t used = 0;
    for (ssize_t n = 1; n > 0 && used<sizeof found; used += n> 0 ? (size_t)n : 0)
        n = read(fd, found + used, sizeof found - used);
    close(fd);
    return used;
}

/* Regular files in a folder, with hidden ones; what is not there holds none. */
static unsigned long count_files(const char *path, bool below)
{
    char inner[4096];
    unsigned long n = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        struct stat st;
        if ((size_t)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= sizeof inner ||
            lstat(inner, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            n += below ? count_files(inner, below) : 0;
        else
            n += st.st_size > 0; /* locks are empty */
    }
    closedir(dir);
    return n;
}

static int check(const char *data, unsigned count)
{
    static const char *const emptied[] = {HOT, FAILED, UNDERPROCESS};
    static const char *const filled[] = {ARCHIVE, "CLIENT-STORES", "SYNC"};
    char path[4096], places[PLACES_MAX][256], name[TICKET_NAME_SIZE];
    unsigned long missing = 0, different = 0, wanted = 0, there = 0, left = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t size = ticket_render(i, document), n = ticket_places(i, places);
        ticket_name(i, name);
        wanted += n;
        for (size_t k = 0; k < n; k++) {
            snprintf(path, sizeof path, "%s/%s/%s", data, places[k], name);
            size_t got = read_found(path);
            missing += got == 0;
            different += got > 0 && (got != size || memcmp(document, found, size) != 0);
        }
    }
    for (size_t i = 0; i < sizeof filled / sizeof filled[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", data, filled[i]);
        there += count_files(path, true);
    }
    for (size_t i = 0; i < sizeof emptied / sizeof emptied[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", data, emptied[i]);
        left += count_files(path, true);
    }
    if (missing == 0 && different == 0 && left == 0 && there == wanted)
        return 0;
    printf("%lu copies missing, %lu different, %lu too many, %lu files left over\n", missing, different,
           there + missing - wanted, left);
    return 1;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";
    unsigned number = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (strcmp(verb, "check") == 0)
        return check(argv[2], number);
    if (strcmp(verb, "tree") != 0 && strcmp(verb, "backlog") != 0 && strcmp(verb, "large") != 0) {
        fprintf(stderr, "usage: prepare tree|backlog|large|check DATA [NUMBER]\n");
        return 2;
    }
    make_tree(argv[2]);
    if (strcmp(verb, "backlog") == 0)
        make_backlog(argv[2], number);
    else if (strcmp(verb, "large") == 0)
        make_large(argv[2], number);
    flush(argv[2]);
    return 0;
}
