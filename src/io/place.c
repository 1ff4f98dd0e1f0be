/* place.c: publishing in groups.
 *
 * A group is written whole to temporaries, flushed, renamed item by item, and its folders are flushed. Few files or
 * folders get an fsync each, more of them one syncfs for each file system: syncfs tells of failed write-backs since
 * its descriptor was opened, so the folders are opened before the first byte is written. Small tickets cost openat,
 * write, fchmod, close, renameat2 each; the rest is shared.
 *
 * A failed flush fails every item that it stood for; their temporaries are removed and nothing is flushed a second
 * time. All descriptors and memory of a group end with it. Descriptors in use: the place's folder, FOLDERS_MAX below
 * it, and four files. */
#include "shunt/io/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/mem.h"

#include "place_internal.h"

#define GROUP_MAX     256 /* items flushed together */
#define FOLDERS_MAX   64  /* client folders held open */
#define SYNC_EACH_MAX 3   /* more files or folders than these are flushed together */

struct group_folder {
    const char *name; /* borrowed; NULL: the place's own */
    int fd;
    dev_t device;
    bool touched; /* names in it changed */
    struct error flush;
};

struct pending {
    char temp[TEMP_SIZE];
    uint8_t sha256[SHA256_SIZE];
    size_t folder;
    int fd;       /* still open for its fsync, or -1 */
    bool written; /* the temporary is whole */
};

struct group {
    const struct place *place;
    struct place_item *items;
    size_t count;
    struct group_folder folders[FOLDERS_MAX + 1]; /* [0]: the place's own */
    size_t n_folders;
    bool together; /* one syncfs for all files */
    size_t n_open;
    struct pending pending[GROUP_MAX];
};

static bool full(const struct group *g)
{
    return g->count == GROUP_MAX || g->n_folders == FOLDERS_MAX + 1;
}

/* Index of the folder, opened where it is not yet. */
static int folder_of(struct group *g, const char *name, struct error *e)
{
    if (!name)
        return 0;
    for (size_t i = 1; i < g->n_folders; i++) {
        if (strcmp(g->folders[i].name, name) == 0)
            return (int)i;
    }
    int rc = name_check(name, strlen(name), e);
    if (rc != 0)
        return rc;
    const struct place *place = g->place;
    int fd = files_open_below(g->folders[0].fd, name, true, place->folder_mode, place->durable, e);
    if (fd < 0)
        return fd;
    g->folders[g->n_folders] = (struct group_folder){.name = name, .fd = fd};
    return (int)g->n_folders++;
}

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

static int fill_from_source(const struct place_item *item, struct pending *p, struct error *e)
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
        rc = copy_bytes(in, p->fd, item->size, item->sha256, p->sha256, e);
    close(in);
    return rc;
}

static int fill_from_bytes(const struct place_item *item, struct pending *p, struct error *e)
{
    int rc = files_write_all(p->fd, item->bytes, item->size, e);
    if (rc != 0)
        return rc;
    if (!item->sha256)
        return files_sha256(item->bytes, item->size, p->sha256) == 0 ? 0 : error_set(e, ERR_NOMEM, "out of memory");
    memcpy(p->sha256, item->sha256, SHA256_SIZE);
    return 0;
}

static int fill(const struct place *place, const struct place_item *item, struct pending *p, struct error *e)
{
    int rc = item->bytes ? fill_from_bytes(item, p, e) : fill_from_source(item, p, e);
    if (rc != 0)
        return rc;
    /* The owner first: changing it takes bits away from the mode. */
    if ((place->uid >= 0 || place->gid >= 0) && fchown(p->fd, (uid_t)place->uid, (gid_t)place->gid) != 0)
        return error_errno(e, errno, "cannot give it to owner %ld, group %ld", place->uid, place->gid);
    if (fchmod(p->fd, (mode_t)place->mode) != 0)
        return error_errno(e, errno, "cannot set its mode");
    return 0;
}

static void drop(struct group *g, size_t i)
{
    struct pending *p = &g->pending[i];
    if (p->fd >= 0) {
        close(p->fd);
        g->n_open--;
    }
    p->fd = -1;
    p->written = false;
    unlinkat(g->folders[p->folder].fd, p->temp, 0);
}

/* Closes the file of an item; the close may be what tells of a failed write. */
static void finish(struct group *g, size_t i)
{
    struct pending *p = &g->pending[i];
    int fd = p->fd;
    p->fd = -1;
    g->n_open--;
    if (temp_close(fd, &g->items[i].error) != 0)
        drop(g, i);
}

static void finish_open(struct group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->pending[i].fd >= 0)
            finish(g, i);
    }
}

/* Whether another item of the group already uses that temporary: then this one has to wait for the next group. */
static bool temp_in_use(const struct group *g, const struct pending *p)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct pending *other = &g->pending[i];
        if (other->written && other->folder == p->folder && memcmp(other->temp, p->temp, TEMP_SIZE) == 0)
            return true;
    }
    return false;
}

/* Writes the next item's temporary. False: it belongs into the next group. An item that fails is one with an error. */
static bool add_item(struct group *g)
{
    size_t i = g->count;
    struct place_item *item = &g->items[i];
    struct pending *p = &g->pending[i];
    struct error *e = &item->error;
    *p = (struct pending){.fd = -1};
    int rc = name_check(item->name, strlen(item->name), e);
    int folder = rc == 0 ? folder_of(g, item->subfolder, e) : rc;
    if (folder >= 0 && temp_name(g->place->tag, item_whose(item), item->name, p->temp) != 0)
        folder = error_set(e, ERR_NOMEM, "out of memory");
    if (folder < 0) {
        g->count++;
        return true;
    }
    p->folder = (size_t)folder;
    if (temp_in_use(g, p))
        return false;
    g->count++;
    p->fd = temp_create(g->folders[folder].fd, p->temp);
    if (p->fd < 0) {
        error_errno(e, -p->fd, "cannot make a file");
        p->fd = -1;
        return true;
    }
    g->n_open++;
    if (fill(g->place, item, p, e) != 0) {
        drop(g, i);
        return true;
    }
    p->written = true;
    if (g->n_open > SYNC_EACH_MAX)
        g->together = true;
    if (!g->place->durable)
        finish(g, i);
    else if (g->together)
        finish_open(g);
    return true;
}

/* One syncfs for each file system that holds a wanted folder; the outcome goes to all folders on it. */
static void flush_file_systems(struct group *g, const bool *wanted)
{
    for (size_t i = 0; i < g->n_folders; i++) {
        struct group_folder *folder = &g->folders[i];
        struct stat st;
        size_t first = 0;
        if (!wanted[i])
            continue;
        if (fstat(folder->fd, &st) != 0) {
            error_errno(&folder->flush, errno, "cannot look at the folder");
            continue;
        }
        folder->device = st.st_dev;
        while (first < i && !(wanted[first] && g->folders[first].device == st.st_dev))
            first++;
        if (first < i) {
            folder->flush = g->folders[first].flush;
            continue;
        }
        int rc;
        do
            rc = syncfs(folder->fd);
        while (rc != 0 && errno == EINTR);
        if (rc != 0)
            error_errno(&folder->flush, errno, "cannot flush the file system");
    }
}

static void flush_files(struct group *g)
{
    bool wanted[FOLDERS_MAX + 1] = {false};
    if (g->together) {
        for (size_t i = 0; i < g->count; i++)
            wanted[g->pending[i].folder] |= g->pending[i].written;
        flush_file_systems(g, wanted);
    }
    for (size_t i = 0; i < g->count; i++) {
        struct pending *p = &g->pending[i];
        struct error *e = &g->items[i].error;
        if (!p->written)
            continue;
        if (g->together)
            *e = g->folders[p->folder].flush;
        else
            files_sync(p->fd, "the file", e);
        if (e->code != 0)
            drop(g, i);
        else if (p->fd >= 0)
            finish(g, i);
    }
}

static void name_items(struct group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        struct pending *p = &g->pending[i];
        struct group_folder *folder = &g->folders[p->folder];
        if (!p->written)
            continue;
        struct newcomer n = {.place = g->place, .item = &g->items[i], .folder_fd = folder->fd, .temp = p->temp};
        memcpy(n.sha256, p->sha256, SHA256_SIZE);
        if (take_name(&n, &g->items[i].error) == 0)
            folder->touched = true;
        else
            p->written = false;
    }
}

static void flush_folders(struct group *g)
{
    bool wanted[FOLDERS_MAX + 1] = {false};
    size_t n = 0;
    for (size_t i = 0; i < g->n_folders; i++) {
        g->folders[i].flush = (struct error){0};
        wanted[i] = g->folders[i].touched;
        n += wanted[i];
    }
    if (n > SYNC_EACH_MAX)
        flush_file_systems(g, wanted);
    for (size_t i = 0; i < g->n_folders && n <= SYNC_EACH_MAX; i++) {
        if (wanted[i])
            files_sync(g->folders[i].fd, "the folder", &g->folders[i].flush);
    }
    for (size_t i = 0; i < g->count; i++) {
        if (g->pending[i].written)
            g->items[i].error = g->folders[g->pending[i].folder].flush;
    }
}

/* Takes as many items as fit, at least one. Returns how many. */
static size_t publish_group(struct group *g, size_t left)
{
    while (g->count < left && !full(g) && add_item(g))
        continue;
    if (g->place->durable)
        flush_files(g);
    name_items(g);
    if (g->place->durable)
        flush_folders(g);
    for (size_t i = 0; i < g->count; i++) {
        const struct place_item *item = &g->items[i];
        error_context(&g->items[i].error, "%s/%s%s%s", g->place->path, item->subfolder ? item->subfolder : "",
                      item->subfolder ? "/" : "", item->name);
    }
    for (size_t i = 1; i < g->n_folders; i++)
        close(g->folders[i].fd);
    return g->count;
}

static void fail_all(struct place_item *items, size_t count, const struct error *why)
{
    for (size_t i = 0; i < count; i++)
        items[i].error = *why;
}

void place_publish(const struct place *place, struct place_item *items, size_t count)
{
    struct error why = {0};
    for (size_t i = 0; i < count; i++) {
        error_clear(&items[i].error);
        items[i].final_name[0] = '\0';
    }
    int root = open_place(place, true, &why);
    if (root < 0) {
        fail_all(items, count, &why);
        return;
    }
    struct group *g = mem_alloc(sizeof *g);
    if (!g) {
        error_set(&why, ERR_NOMEM, "out of memory");
        fail_all(items, count, &why);
    }
    for (size_t done = 0; g && done < count;) {
        g->place = place;
        g->items = items + done;
        g->count = g->n_open = 0;
        g->together = false;
        g->folders[0] = (struct group_folder){.fd = root};
        g->n_folders = 1;
        done += publish_group(g, count - done);
    }
    mem_free(g);
    close(root);
}
