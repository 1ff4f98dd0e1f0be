/* watch.h: file events of folders, by one inotify(7) of our own. An event is a hint; it may be doubled, nameless or late,
 * and where the kernel's queue overflows (fs.inotify.max_queued_events) it is missing: on_lost tells.
 *
 * Not libuv's uv_fs_event: it drops that overflow, cannot tell a folder from its child of the same name, and adds watches
 * on the loop, where the kernel looks at each file of the folder that it has in memory (20 ms for 100,000).
 *
 * Happy way: watches_open -> watch_add (any thread) -> watch_take -> on_event(name) for each event -> watch_drop ->
 * watches_close -> the loop is empty -> watches_fini. What happens between watch_add and watch_take is not told: list the
 * folder after watch_take. A watched folder that is removed, moved or unmounted is told as an event without a name; its
 * watch is dropped already, and it must be watched anew where it is made again. Folders of the same inode have the same
 * id: it is the last one's that took it, the other is unwatched.
 *
 * Errors: ERR_NOFILES (no watches left: fs.inotify.max_user_watches or max_user_instances), ERR_NOPLACE, ERR_ACCESS. It may
 * be tried again later. Thread: loop, but for watch_add.
 */
#ifndef SHUNT_IO_WATCH_H
#define SHUNT_IO_WATCH_H

#include <stdbool.h>

#include <uv.h>

#include "shunt/base/error.h"
#include "shunt/base/hash.h"

struct watch {
    int id; /* 0: not watched */
    UT_hash_handle hh;
};

/* Zeroed before watches_open. The callbacks may take, drop and close. */
struct watches {
    uv_poll_t poll;
    bool open, closing;
    int fd;
    struct watch *by_id;
    int newest;     /* id so far: a later one is alive */
    unsigned drops; /* so far: an id that watch_add gave before the last one may be dead (see watch_take) */
    void (*on_event)(struct watches *watches, struct watch *watch, const char *name,
                     bool moved); /* name NULL: of the folder itself. moved: made, moved, removed; else changed */
    void (*on_lost)(struct watches *watches);
};

/* May be tried again after a failure; does nothing where it is open. */
int watches_open(uv_loop_t *loop, struct watches *watches, struct error *e);
void watches_close(struct watches *watches); /* no callback comes after it */
void watches_fini(struct watches *watches);  /* when no watch_add is running any more */

/* An id, or a negative code. Blocking. Thread: any. */
int watch_add(const struct watches *watches, const char *path, struct error *e);

/* The id's events are the watch's from now on, those of an id it had before no more. `drops` is the watches' from before
 * watch_add. False: not taken, since the folder is gone or was dropped under another name meanwhile (add it again), or
 * there is no memory. */
bool watch_take(struct watches *watches, struct watch *watch, int id, unsigned drops);
void watch_drop(struct watches *watches, struct watch *watch);
void watch_discard(struct watches *watches, int id); /* that nobody took */

#endif
