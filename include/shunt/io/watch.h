/* watch.h: file events of one folder, by uv_fs_event. An event is a hint; it may be missing, doubled, nameless or late.
 *
 * Happy way: watch_start -> on_event(name) for each event -> watch_close -> on_closed (memory may go only then).
 * watch_start can fail: ERR_NOFILES (no watches left: fs.inotify.max_user_watches or max_user_instances), ERR_NOPLACE,
 * ERR_ACCESS. It may be tried again later. A watched folder that is removed and made again must be watched anew: events
 * of the old one stop; see `gone`, which is set before on_event. Events of the folder itself come without a name. The
 * struct is zeroed before its first watch_start. After one that failed it is started again, or closed as an active one
 * is. A closed one is zeroed again first. Thread: loop.
 */
#ifndef SHUNT_IO_WATCH_H
#define SHUNT_IO_WATCH_H

#include <stdbool.h>

#include <uv.h>

#include "shunt/base/error.h"

struct watch {
    uv_fs_event_t handle;
    bool active;
    bool gone; /* the folder itself was removed, moved or unmounted (or a child that bears its name came or went):
                  nothing more may come. Close, and watch anew */
    void (*on_event)(struct watch *watch, const char *name,
                     bool moved); /* name NULL: unknown. moved: made, moved, removed; else changed */
    void (*on_closed)(struct watch *watch);
};

int watch_start(uv_loop_t *loop, struct watch *watch, const char *path, struct error *e);
/* Always calls on_closed, once, later. */
void watch_close(struct watch *watch);

/* As many events in one turn as the kernel's queue holds mean that some may be lost:
 * /proc/sys/fs/inotify/max_queued_events, or 16384. */
unsigned long watch_queue_size(void);

#endif
