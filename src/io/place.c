/* place.c: publishing in groups.
 *
 * A group is written whole to temporaries, flushed, renamed item by item, and its folders are flushed. Few files or
 * folders get an fsync each, more of them one syncfs for each file system: syncfs tells of failed write-backs since
 * its descriptor was opened, so the folders are opened before the first byte is written. Small tickets cost openat,
 * write, fchmod, close, renameat2 each, or one linkat; the rest is shared. What could not be linked after all (its name is
 * taken, the folders lie on different mounts) is copied in a group of its own.
 *
 * A failed flush fails every item that it stood for; their temporaries are removed and nothing is flushed a second
 * time. All descriptors and memory of a group end with it. Descriptors in use: the place's folder, FOLDERS_MAX below
 * it, and four files. */
#include "shunt/io/place.h"

#include <errno.h>
#include <fcntl.h>
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
    bool gives_group; /* set-group-ID: what is made in it gets its group */
    bool touched;     /* names in it changed */
    int flush;        /* errno of its file system's last flush */
};

struct pending {
    char temp[TEMP_SIZE];
    uint8_t sha256[SHA256_SIZE];
    size_t folder;
    int fd;       /* still open for its fsync, or -1 */
    bool written; /* the temporary is whole, or the original is to be linked */
    bool linked;  /* no temporary: the original gets the name */
};

struct group {
    const struct place *place;
    struct place_item *items;
    size_t count;
    struct group_folder folders[FOLDERS_MAX + 1]; /* [0]: the place's own */
    size_t n_folders;
    bool together; /* one syncfs for all files */
    size_t n_open, n_linked;
    size_t room; /* at most GROUP_MAX */
    struct pending pending[];
};

static int enter_folder(struct group *g, const char *name, int fd, struct error *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(e, errno, "cannot look at the folder");
    g->folders[g->n_folders++] =
        (struct group_folder){.name = name, .fd = fd, .device = st.st_dev, .gives_group = st.st_mode & S_ISGID};
    return 0;
}

static bool full(const struct group *g)
{
    return g->count == g->room || g->n_folders == FOLDERS_MAX + 1;
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
    rc = enter_folder(g, name, fd, e);
    if (rc == 0)
        return (int)g->n_folders - 1;
    close(fd);
    return rc;
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
    if (!p->linked)
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
        if (other->written && !other->linked && other->folder == p->folder &&
            memcmp(other->temp, p->temp, TEMP_SIZE) == 0)
            return true;
    }
    return false;
}

/* Where that is cheaper than to flush each by itself. */
static void flush_together_from_now(struct group *g)
{
    if (!g->place->durable || g->n_open + g->n_linked <= SYNC_EACH_MAX)
        return;
    g->together = true;
    finish_open(g);
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
    if (folder >= 0 && !g->folders[folder].gives_group && item_may_link(g->place, item, g->folders[folder].device)) {
        p->folder = (size_t)folder;
        p->written = p->linked = true;
        g->count++;
        g->n_linked++;
        flush_together_from_now(g);
        return true;
    }
    if (folder < 0) {
        g->count++;
        return true;
    }
    temp_name(g->place->tag, item_whose(item), item->name, p->temp);
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
    if (item_fill(g->place, item, p->fd, p->sha256, e) != 0) {
        drop(g, i);
        return true;
    }
    p->written = true;
    if (!g->place->durable)
        finish(g, i);
    flush_together_from_now(g);
    return true;
}

static void tell_flush(const struct group_folder *folder, struct error *e)
{
    if (folder->flush != 0)
        error_errno(e, folder->flush, "cannot flush the file system");
}

/* One syncfs for each file system that holds a wanted folder; the outcome goes to all folders on it. */
static void flush_file_systems(struct group *g, const bool *wanted)
{
    for (size_t i = 0; i < g->n_folders; i++) {
        struct group_folder *folder = &g->folders[i];
        size_t first = 0;
        if (!wanted[i])
            continue;
        while (first < i && !(wanted[first] && g->folders[first].device == folder->device))
            first++;
        if (first < i) {
            folder->flush = g->folders[first].flush;
            continue;
        }
        do
            folder->flush = syncfs(folder->fd) == 0 ? 0 : errno;
        while (folder->flush == EINTR);
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
        if (g->together) {
            tell_flush(&g->folders[p->folder], e);
            /* Its bytes were written before we came: a failure may have been told to another flush. */
            if (p->linked && e->code == 0)
                files_flushed(g->items[i].original->fd, "the file", e);
        } else {
            files_sync(p->linked ? g->items[i].original->fd : p->fd, "the file", e);
        }
        if (e->code != 0)
            drop(g, i);
        else if (p->fd >= 0)
            finish(g, i);
    }
}

static void name_original(struct group *g, size_t i)
{
    struct place_item *item = &g->items[i];
    struct group_folder *folder = &g->folders[g->pending[i].folder];
    if (item_link(item, folder->fd) != 0) {
        item->refused = true;
        g->pending[i].written = false;
        return;
    }
    folder->touched = true;
    item->placed = PLACED_NEW;
    item->linked = true;
    memccpy(item->final_name, item->name, '\0', NAME_SIZE);
}

static void name_items(struct group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        struct pending *p = &g->pending[i];
        struct group_folder *folder = &g->folders[p->folder];
        if (!p->written)
            continue;
        if (p->linked) {
            name_original(g, i);
            continue;
        }
        struct newcomer n = {.place = g->place, .item = &g->items[i], .folder_fd = folder->fd, .temp = p->temp};
        memcpy(n.sha256, p->sha256, SHA256_SIZE);
        if (take_name(&n, &g->items[i].error) == 0)
            folder->touched = true;
        else
            p->written = false;
    }
}

static void flush_folder(struct group *g, size_t folder)
{
    struct error why = {0};
    if (files_sync(g->folders[folder].fd, "the folder", &why) == 0)
        return;
    for (size_t i = 0; i < g->count; i++) {
        if (g->pending[i].written && g->pending[i].folder == folder)
            g->items[i].error = why;
    }
}

static void flush_folders(struct group *g)
{
    bool wanted[FOLDERS_MAX + 1] = {false};
    size_t n = 0;
    for (size_t i = 0; i < g->n_folders; i++)
        n += wanted[i] = g->folders[i].touched;
    if (n > SYNC_EACH_MAX) {
        flush_file_systems(g, wanted);
        for (size_t i = 0; i < g->count; i++) {
            if (g->pending[i].written)
                tell_flush(&g->folders[g->pending[i].folder], &g->items[i].error);
        }
        return;
    }
    for (size_t i = 0; i < g->n_folders; i++) {
        if (wanted[i])
            flush_folder(g, i);
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

static void publish_in(const struct place *place, int root, struct group *g, struct place_item *items, size_t count)
{
    for (size_t done = 0; done < count;) {
        struct error why = {0};
        g->place = place;
        g->items = items + done;
        g->count = g->n_open = g->n_linked = g->n_folders = 0;
        g->together = false;
        if (enter_folder(g, NULL, root, &why) != 0) {
            fail_all(items + done, count - done, &why);
            return;
        }
        done += publish_group(g, count - done);
    }
}

/* Together, so that they share their flushes too. */
static void copy_refused(const struct place *place, int root, struct group *g, struct place_item *items, size_t count)
{
    struct place_item *refused = NULL;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += items[i].refused;
    if (n == 0)
        return;
    refused = mem_alloc(n * sizeof *refused);
    for (size_t i = n = 0; i < count; i++) {
        if (!items[i].refused)
            continue;
        if (refused)
            refused[n++] = items[i];
        else
            error_set(&items[i].error, ERR_NOMEM, "out of memory");
    }
    publish_in(place, root, g, refused, n);
    for (size_t i = n = 0; refused && i < count; i++) {
        if (items[i].refused)
            items[i] = refused[n++];
    }
    mem_free(refused);
}

void place_publish(const struct place *place, struct place_item *items, size_t count)
{
    struct error why = {0};
    for (size_t i = 0; i < count; i++) {
        error_clear(&items[i].error);
        items[i].final_name[0] = '\0';
        items[i].refused = items[i].linked = false;
    }
    int root = open_place(place, true, &why);
    if (root < 0) {
        fail_all(items, count, &why);
        return;
    }
    size_t room = count < GROUP_MAX ? count : GROUP_MAX;
    struct group *g = mem_alloc(sizeof *g + room * sizeof g->pending[0]);
    if (!g) {
        error_set(&why, ERR_NOMEM, "out of memory");
        fail_all(items, count, &why);
    }
    if (g) {
        g->room = room;
        publish_in(place, root, g, items, count);
        copy_refused(place, root, g, items, count);
    }
    mem_free(g);
    close(root);
}
