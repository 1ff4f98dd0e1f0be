/* watch.c: inotify on the loop. Ids are the kernel's watch descriptors, which it does not give twice: events of a dropped
 * watch that still lie in the queue find nobody.
 *
 * Failures: only when opening and adding. */
#include "shunt/io/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define READ_BYTES 16384   /* some 400 events */
#define A_TURN_NS  5000000 /* given to events: the queue must not overflow, and the loop has other work too */
#define GONE       (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)
#define MOVED      (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define WANTED     (IN_ATTRIB | IN_MODIFY | MOVED | IN_DELETE_SELF | IN_MOVE_SELF)

static void is_dead(struct watches *w, int id)
{
    w->drops++;
    if (id > w->newest)
        w->newest = id;
}

static void tell(struct watches *w, const struct inotify_event *event)
{
    struct watch *watch;
    if (event->mask & IN_Q_OVERFLOW) {
        w->on_lost(w);
        return;
    }
    HASH_FIND_INT(w->by_id, &event->wd, watch);
    bool gone = (event->mask & GONE) != 0;
    if (!watch) {
        if (gone && event->wd > w->newest) /* it is still to be taken */
            is_dead(w, event->wd);
        return;
    }
    if (gone)
        watch_drop(w, watch);
    w->on_event(w, watch, !gone && event->len > 0 && event->name[0] ? event->name : NULL,
                gone || (event->mask & MOVED) != 0);
}

/* False: there is nothing more now. */
static bool read_some(struct watches *w)
{
    _Alignas(struct inotify_event) char bytes[READ_BYTES];
    ssize_t len = read(w->fd, bytes, sizeof bytes);
    for (ssize_t at = 0; at < len && !w->closing;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)(bytes + at);
        at += (ssize_t)(sizeof *event + event->len);
        tell(w, event);
    }
    return len > READ_BYTES / 2 && !w->closing;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct watches *w = (struct watches *)(void *)((char *)poll - offsetof(struct watches, poll));
    uint64_t end_ns = uv_hrtime() + A_TURN_NS;
    (void)status; /* what is wrong tells the read */
    (void)events;
    while (read_some(w) && uv_hrtime() < end_ns)
        continue;
}

static int refused(int errnum, struct error *e)
{
    if (errnum == EMFILE)
        return error_set(e, ERR_NOFILES,
                         "cannot watch folders: no watches left (fs.inotify.max_user_instances, or open files)");
    return error_errno(e, errnum, "cannot watch folders");
}

int watches_open(uv_loop_t *loop, struct watches *w, struct error *e)
{
    if (w->open)
        return 0;
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0)
        return refused(errno, e);
    int rc = uv_poll_init(loop, &w->poll, w->fd);
    if (rc != 0) {
        close(w->fd);
        return refused(-rc, e);
    }
    w->open = true;
    uv_poll_start(&w->poll, UV_READABLE, on_readable); /* cannot fail for a handle that is not closing */
    return 0;
}

void watches_close(struct watches *w)
{
    if (w->open && !w->closing)
        uv_close((uv_handle_t *)&w->poll, NULL);
    w->closing = true;
    HASH_CLEAR(hh, w->by_id);
}

void watches_fini(struct watches *w)
{
    if (w->open)
        close(w->fd);
    w->open = false;
}

int watch_add(const struct watches *w, const char *path, struct error *e)
{
    int id = inotify_add_watch(w->fd, path, WANTED | IN_ONLYDIR | IN_DONT_FOLLOW);
    if (id >= 0)
        return id;
    if (errno == ENOSPC)
        return error_set(e, ERR_NOFILES, "cannot watch %s: no watches left (fs.inotify.max_user_watches)", path);
    return error_errno(e, errno, "cannot watch %s", path);
}

bool watch_take(struct watches *w, struct watch *watch, int id, unsigned drops)
{
    struct watch *other;
    HASH_FIND_INT(w->by_id, &id, other);
    if (other == watch)
        return true;
    if (w->closing || (!other && id <= w->newest && drops != w->drops)) {
        watch_discard(w, id);
        return false;
    }
    watch_drop(w, watch); /* another folder was made in place of its old one */
    if (other) {
        HASH_DEL(w->by_id, other);
        other->id = 0;
    }
    if (id > w->newest)
        w->newest = id;
    watch->id = id;
    watch->hh.tbl = NULL; /* of an earlier time; hash_added looks at it */
    HASH_ADD_INT(w->by_id, id, watch);
    if (hash_added(watch))
        return true;
    watch->id = 0;
    watch_discard(w, id);
    return false;
}

void watch_drop(struct watches *w, struct watch *watch)
{
    if (watch->id == 0)
        return;
    if (!w->closing) {
        HASH_DEL(w->by_id, watch);
        inotify_rm_watch(w->fd, watch->id); /* where the kernel has let go of it, it says so: that is fine */
        is_dead(w, watch->id);
    }
    watch->id = 0;
}

void watch_discard(struct watches *w, int id)
{
    struct watch *owner;
    HASH_FIND_INT(w->by_id, &id, owner);
    if (owner || w->closing)
        return;
    inotify_rm_watch(w->fd, id);
    is_dead(w, id);
}
