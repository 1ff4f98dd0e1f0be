/* folder.c: readdir(3) in slices. Room for an entry is made before it is read, and a failure in the middle of a
 * slice ends the slice: so it never costs a name, and the next call fails or goes on with the next entry. */
#include "shunt/io/folder.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/mem.h"

#define ENTRY_NAME_MAX 1024 /* the longest that the kernel lets any file system list */
#define NAMES_ROOM     16384
#define KINDS_ROOM     256

struct folder {
    DIR *dir;
    struct stat st;
};

void folder_slice_init(struct folder_slice *s)
{
    memset(s, 0, sizeof *s);
}

void folder_slice_fini(struct folder_slice *s)
{
    mem_free(s->names);
    mem_free(s->kinds);
    folder_slice_init(s);
}

static int slice_reserve(struct folder_slice *s)
{
    if (s->room - s->names_len < ENTRY_NAME_MAX + 1) {
        size_t room = s->room ? s->room * 2 : NAMES_ROOM;
        char *names = mem_resize(s->names, room);
        if (!names)
            return ERR_NOMEM;
        s->names = names;
        s->room = room;
    }
    if (s->kinds_room == s->count) {
        size_t room = s->kinds_room ? s->kinds_room * 2 : KINDS_ROOM;
        unsigned char *kinds = mem_resize(s->kinds, room);
        if (!kinds)
            return ERR_NOMEM;
        s->kinds = kinds;
        s->kinds_room = room;
    }
    return 0;
}

static enum entry_kind kind_of(unsigned char type)
{
    switch (type) {
    case DT_REG:
        return ENTRY_FILE;
    case DT_DIR:
        return ENTRY_FOLDER;
    case DT_UNKNOWN:
        return ENTRY_UNKNOWN;
    default:
        return ENTRY_OTHER;
    }
}

static void slice_add(struct folder_slice *s, const struct dirent *entry)
{
    size_t len = strnlen(entry->d_name, ENTRY_NAME_MAX);
    memcpy(s->names + s->names_len, entry->d_name, len);
    s->names[s->names_len + len] = '\0';
    s->names_len += len + 1;
    s->kinds[s->count++] = (unsigned char)kind_of(entry->d_type);
}

struct folder *folder_open(const char *path, struct error *e)
{
    struct folder *folder = mem_alloc(sizeof *folder);
    if (!folder) {
        error_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    int fd;
    do
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        goto fail;
    if (fstat(fd, &folder->st) != 0)
        goto fail;
    folder->dir = fdopendir(fd);
    if (folder->dir)
        return folder;
fail:
    error_errno(e, errno, "cannot list %s", path);
    if (fd >= 0)
        close(fd);
    mem_free(folder);
    return NULL;
}

void folder_id(const struct folder *f, uint64_t *dev, uint64_t *ino)
{
    *dev = f->st.st_dev;
    *ino = f->st.st_ino;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int folder_next(struct folder *f, struct folder_slice *slice, size_t max, struct error *e)
{
    assert(max > 0);
    slice->names_len = 0;
    slice->count = 0;
    slice->end = false;
    while (slice->count < max) {
        if (slice_reserve(slice) != 0)
            return slice->count > 0 ? 0 : error_set(e, ERR_NOMEM, "out of memory");
        errno = 0;
        const struct dirent *entry = readdir(f->dir);
        if (!entry && errno == EINTR)
            continue;
        if (!entry && errno != 0)
            return slice->count > 0 ? 0 : error_errno(e, errno, "cannot list the folder");
        if (!entry) {
            slice->end = true;
            return 0;
        }
        if (!is_dots(entry->d_name))
            slice_add(slice, entry);
    }
    return 0;
}

void folder_close(struct folder *f)
{
    if (!f)
        return;
    closedir(f->dir);
    mem_free(f);
}
