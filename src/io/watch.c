/* watch.c: uv_fs_event for one folder.
 *
 * What libuv 1.44 really does on Linux: an event of the folder itself comes under the folder's own last name, as if
 * a child of that name had been changed; after the folder was removed or unmounted the kernel has let go of the
 * watch, and nothing more comes, also where a folder of that path is made again; a folder that was moved away goes
 * on being watched under its old path. All three set `gone`. Queue overflows are dropped by libuv.
 *
 * Failures: only at the start. The handle's memory belongs to libuv from the first watch_start, also a failed one,
 * to on_closed. */
#include "shunt/io/watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUE_SIZE 16384

static struct watch *watch_of(uv_handle_t *handle)
{
    return (struct watch *)(void *)((char *)handle - offsetof(struct watch, handle));
}

/* name has no slash; the watched path is what libuv keeps in the handle. */
static bool is_own_name(const struct watch *watch, const char *name)
{
    const char *path = watch->handle.path;
    const char *slash = path ? strrchr(path, '/') : NULL;
    return path && strcmp(slash ? slash + 1 : path, name) == 0;
}

static void on_fs_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct watch *watch = watch_of((uv_handle_t *)handle);
    bool moved = status < 0 || (events & UV_RENAME) != 0;
    if (status < 0 || (name && !*name))
        name = NULL;
    if (name && is_own_name(watch, name)) {
        watch->gone = watch->gone || (events & UV_CHANGE) == 0;
        name = NULL;
    }
    watch->on_event(watch, name, moved);
}

static int start_error(int rc, const char *path, struct error *e)
{
    if (rc == UV_ENOSPC)
        return error_set(e, ERR_NOFILES, "cannot watch %s: no watches left (fs.inotify.max_user_watches)", path);
    if (rc == UV_EMFILE)
        return error_set(e, ERR_NOFILES,
                         "cannot watch %s: no watches left (fs.inotify.max_user_instances, or open files)", path);
    return error_errno(e, -rc, "cannot watch %s", path);
}

int watch_start(uv_loop_t *loop, struct watch *watch, const char *path, struct error *e)
{
    assert(!watch->active);
    if (!watch->handle.loop)
        uv_fs_event_init(loop, &watch->handle); /* cannot fail */
    watch->gone = false;
    int rc = uv_fs_event_start(&watch->handle, on_fs_event, path, 0);
    if (rc != 0)
        return start_error(rc, path, e);
    watch->active = true;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct watch *watch = watch_of(handle);
    watch->on_closed(watch);
}

void watch_close(struct watch *watch)
{
    watch->active = false;
    uv_close((uv_handle_t *)&watch->handle, on_handle_closed);
}

/* Without memory: that there is none would be taken for another size. */
unsigned long watch_queue_size(void)
{
    char text[32] = "";
    int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return QUEUE_SIZE;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    unsigned long size = n > 0 ? strtoul(text, NULL, 10) : 0;
    return size > 0 ? size : QUEUE_SIZE;
}
