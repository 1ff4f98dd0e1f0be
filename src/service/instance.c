/* instance.c: see instance.h. */
#include "shunt/service/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"
#include "shunt/io/files.h"

#define LOCK_TRIES    5
#define LOCK_PAUSE_US 10000

static char *path_of(const char *root, unsigned number)
{
    struct str s = STR_INIT;
    str_printf(&s, "%s/%u", root, number);
    return str_take(&s);
}

/* `shunt status` holds a lock for a moment too (instance_alive): that is not an instance. */
static int try_lock(int fd)
{
    int rc = flock(fd, LOCK_EX | LOCK_NB);
    for (unsigned i = 0; rc != 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
        usleep(LOCK_PAUSE_US);
        rc = flock(fd, LOCK_EX | LOCK_NB);
    }
    return rc;
}

/* The folder's descriptor with its lock; -1: held by another, or *e is set. */
static int try_number(struct instance *in, unsigned number, unsigned folder_mode, struct error *e)
{
    in->path = path_of(in->root, number);
    if (!in->path) {
        error_set(e, ERR_NOMEM, "out of memory");
        return -1;
    }
    int fd = files_mkdirs(in->path, folder_mode, true, e) == 0 ? files_open_folder(in->path, e) : -1;
    if (fd >= 0 && try_lock(fd) == 0) {
        in->locked = true;
        return fd;
    }
    if (fd >= 0 && errno != EWOULDBLOCK)
        return fd; /* no locks here: we must be alone */
    if (fd >= 0)
        close(fd);
    mem_free(in->path);
    in->path = NULL;
    return -1;
}

int instance_open(struct instance *in, const char *underprocess, unsigned folder_mode, struct error *e)
{
    *in = (struct instance){.fd = -1};
    if (!(in->root = mem_strdup(underprocess)))
        return error_set(e, ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < INSTANCES_MAX && in->fd < 0 && e->code == 0; i++) {
        in->number = i;
        in->fd = try_number(in, i, folder_mode, e);
    }
    if (in->fd < 0) {
        error_set(e, ERR_BUSY, "%d instances are running on %s already", INSTANCES_MAX, underprocess);
        instance_close(in);
        return e->code;
    }
    in->left_by = (uint64_t)1 << in->number;
    return 0;
}

void instance_close(struct instance *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
    mem_free(in->root);
    mem_free(in->path);
    in->root = in->path = NULL;
}

/* Files of one folder into the folder of the same name of ours. */
static size_t move_files(int from, int to)
{
    size_t moved = 0;
    int copy = dup(from);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_type == DT_DIR || entry->d_name[0] == '.')
            continue;
        moved += files_rename_new(from, entry->d_name, to, entry->d_name) == 0;
    }
    closedir(dir);
    return moved;
}

static size_t adopt_folder(const struct instance *in, int from, const char *name)
{
    struct error ignored = {0};
    int source = files_open_below(from, name, false, 0, false, &ignored);
    if (source < 0)
        return 0;
    int target = files_open_below(in->fd, name, true, 0755, false, &ignored);
    size_t moved = target >= 0 ? move_files(source, target) : 0;
    close(source);
    if (target >= 0)
        close(target);
    return moved;
}

static size_t adopt_instance(const struct instance *in, const char *path)
{
    struct error ignored = {0};
    int fd = files_open_folder(path, &ignored);
    if (fd < 0)
        return 0;
    size_t moved = 0;
    DIR *dir = flock(fd, LOCK_EX | LOCK_NB) == 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        close(fd);
        return 0;
    }
    moved += move_files(fd, in->fd);
    rewinddir(dir); /* the copy of fd that was read there shares its place */
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            moved += adopt_folder(in, fd, entry->d_name);
    closedir(dir); /* and gives the lock back */
    return moved;
}

size_t instance_adopt(const struct instance *in, uint64_t *numbers)
{
    size_t moved = 0;
    struct str path = STR_INIT; /* one for all: most of them are not there */
    *numbers = 0;
    for (unsigned i = 0; in->locked && i < INSTANCES_MAX; i++) {
        str_clear(&path);
        str_printf(&path, "%s/%u", in->root, i);
        size_t here = i == in->number || str_failed(&path) ? 0 : adopt_instance(in, path.bytes);
        if (here > 0)
            *numbers |= (uint64_t)1 << i;
        moved += here;
    }
    str_fini(&path);
    return moved;
}

char *instance_tag(unsigned number, const char *place)
{
    struct str s = STR_INIT;
    str_printf(&s, "shunt-%u/%s", number, place);
    return str_take(&s);
}

bool instance_alive(const char *underprocess, unsigned number)
{
    struct error ignored = {0};
    char *path = path_of(underprocess, number);
    int fd = path ? files_open_folder(path, &ignored) : -1;
    mem_free(path);
    if (fd < 0)
        return false;
    bool alive = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return alive;
}
