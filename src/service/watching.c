/* watching.c: see watching.h. Events of a client folder go to the intake by name; an event of the hot root means that
 * folders came or went: the root is listed. */
#include "shunt/service/watching.h"

#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"

struct folder_watch {
    struct watch watch; /* first */
    struct scanner *scanner;
    struct client_folder *folder; /* NULL: it is closing */
};

struct client_folder *watching_find(const struct scanner *s, const char *name)
{
    struct client_folder *folder;
    HASH_FIND_STR(s->folders, name, folder);
    return folder;
}

static void on_closed(struct watch *watch)
{
    struct folder_watch *w = (struct folder_watch *)watch;
    mem_free(w);
}

static void stop(struct client_folder *folder)
{
    if (!folder->watch)
        return;
    folder->watch->folder = NULL;
    watch_close(&folder->watch->watch);
    folder->watch = NULL;
}

static void on_root_event(struct client_folder *root, const char *name, bool moved)
{
    struct scanner *s = root->scanner;
    struct client_folder *known = name ? watching_find(s, name) : NULL;
    if (known && known != root && moved) { /* removed, or made anew: its watch looks at the old one */
        watching_restart(s, known);
        scanner_list_folder(s, known, WAY_REALTIME);
    }
    if (!known && name && moved) /* a file right in the root, or a new folder */
        intake_see(s->intake, "", name, WAY_REALTIME, false, true);
    scanner_list_folder(s, root, WAY_REALTIME);
}

static void on_event(struct watch *watch, const char *name, bool moved)
{
    struct folder_watch *w = (struct folder_watch *)watch;
    struct client_folder *folder = w->folder;
    if (!folder)
        return;
    w->scanner->events_in_turn++;
    if (folder->name[0] == '\0')
        on_root_event(folder, name, moved);
    else if (!name || !intake_see(w->scanner->intake, folder->name, name, WAY_REALTIME, false, moved))
        scanner_list_folder(w->scanner, folder, WAY_REALTIME);
}

static void tell_unwatched(struct scanner *s, const char *path, const struct error *why)
{
    if (s->told_unwatched)
        return;
    s->told_unwatched = true;
    log_write(
        LOG_EVENT(LOG_WARN, "not_watched", .error = why->text),
        "%s is not watched: it, and others like it, are only scanned every %.0f s (raise fs.inotify.max_user_watches and max_user_instances)",
        path, (double)s->rt->config->settings->scan_interval_ms / 1000);
}

static void start(struct scanner *s, struct client_folder *folder)
{
    struct str path = STR_INIT;
    struct error e = {0};
    struct folder_watch *w = mem_zalloc(sizeof *w);
    str_printf(&path, "%s%s%s", s->rt->config->hot, folder->name[0] ? "/" : "", folder->name);
    if (!w || str_failed(&path)) {
        mem_free(w);
        str_fini(&path);
        return;
    }
    w->scanner = s;
    w->folder = folder;
    w->watch.on_event = on_event;
    w->watch.on_closed = on_closed;
    folder->watch = w;
    if (watch_start(s->rt->loop, &w->watch, path.bytes, &e) != 0) {
        if (e.code != ERR_NOPLACE)
            tell_unwatched(s, path.bytes, &e);
        stop(folder);
    }
    str_fini(&path);
}

struct client_folder *watching_add(struct scanner *s, const char *name)
{
    struct client_folder *folder = mem_zalloc(sizeof *folder + strlen(name) + 1);
    if (!folder)
        return NULL;
    folder->scanner = s;
    strcpy(folder->name, name);
    HASH_ADD_KEYPTR(hh, s->folders, folder->name, strlen(folder->name), folder);
    if (!hash_added(folder)) {
        mem_free(folder);
        return NULL;
    }
    s->n_folders++;
    start(s, folder);
    return folder;
}

void watching_restart(struct scanner *s, struct client_folder *folder)
{
    stop(folder);
    start(s, folder);
}

static void forget(struct scanner *s, struct client_folder *folder)
{
    stop(folder);
    HASH_DEL(s->folders, folder);
    s->n_folders--;
    mem_free(folder);
}

void watching_lost(struct scanner *s, const char *name)
{
    struct client_folder *folder = watching_find(s, name);
    if (!folder)
        return;
    stop(folder);
    folder->ino = 0;
}

void watching_forget(struct scanner *s, const char *name)
{
    struct client_folder *folder = watching_find(s, name);
    if (folder)
        forget(s, folder);
}

void watching_forget_unseen(struct scanner *s)
{
    struct client_folder *folder, *next;
    HASH_ITER (hh, s->folders, folder, next)
        if (folder->name[0] != '\0' && folder->generation != s->generation)
            forget(s, folder);
}

void watching_close_all(struct scanner *s)
{
    struct client_folder *folder, *next;
    HASH_ITER (hh, s->folders, folder, next)
        forget(s, folder);
}

size_t watching_unwatched(const struct scanner *s)
{
    size_t n = 0;
    for (const struct client_folder *folder = s->folders; folder; folder = folder->hh.next)
        n += folder->watch == NULL;
    return n;
}

bool scanner_watches(void *scanner, const char *folder)
{
    const struct client_folder *known = watching_find(scanner, folder);
    return known && known->watch;
}
