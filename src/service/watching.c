/* watching.c: see watching.h. Events of a client folder go to the intake by name; an event of the hot root means that
 * folders came or went: the root is listed. */
#include "shunt/service/watching.h"

#include <string.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"

#define WATCH_AT_ONCE 64

/* Folders being watched. The loop's but for `of[].id` and `error` while in work. */
struct addition {
    struct work work;
    struct scanner *scanner;
    unsigned drops; /* the watches' when it began */
    size_t count;
    struct {
        char *path, *name;
        int id; /* or a negative code */
    } of[WATCH_AT_ONCE];
    struct error error; /* of the first that failed though it is there */
};

static void want(struct scanner *s, struct client_folder *folder)
{
    s->n_watch_wanted += !folder->watch_wanted;
    folder->watch_wanted = true;
}

/* Where it is watched already and still the same folder, that changes nothing. */
static void want_all(struct scanner *s)
{
    for (struct client_folder *folder = s->folders; folder; folder = folder->hh.next)
        want(s, folder);
}

static void unwant(struct scanner *s, struct client_folder *folder)
{
    s->n_watch_wanted -= folder->watch_wanted;
    folder->watch_wanted = false;
}

struct client_folder *watching_find(const struct scanner *s, const char *name)
{
    struct client_folder *folder;
    HASH_FIND_STR(s->folders, name, folder);
    return folder;
}

static void on_root_event(struct scanner *s, struct client_folder *root, const char *name, bool moved)
{
    struct client_folder *known = name ? watching_find(s, name) : NULL;
    if (known && known != root && moved) /* removed, or made anew: its watch looks at the old one */
        watching_lost(s, known);
    if (known && known != root && known->watch.id == 0)
        scanner_list_folder(s, known, WAY_REALTIME);
    if (!known && name && moved) /* a file right in the root, or a new folder */
        intake_see(s->intake, "", name, WAY_REALTIME, false, true);
    scanner_list_folder(s, root, WAY_REALTIME);
}

static struct scanner *scanner_of(struct watches *watches)
{
    return (struct scanner *)(void *)((char *)watches - offsetof(struct scanner, watches));
}

static void on_event(struct watches *watches, struct watch *watch, const char *name, bool moved)
{
    struct scanner *s = scanner_of(watches);
    struct client_folder *folder =
        (struct client_folder *)(void *)((char *)watch - offsetof(struct client_folder, watch));
    if (folder->name[0] == '\0')
        on_root_event(s, folder, name, moved);
    else if (!name || !intake_see(s->intake, folder->name, name, WAY_REALTIME, false, moved))
        scanner_list_folder(s, folder, WAY_REALTIME);
}

/* That a folder was made anew may be among what was lost, and its inode's number is soon given to another. */
static void on_lost(struct watches *watches)
{
    struct scanner *s = scanner_of(watches);
    log_warn(
        "events_lost",
        "More file events at once than the kernel keeps (fs.inotify.max_queued_events): the folders are scanned now");
    want_all(s);
    scanner_want_full(s);
}

/* --- adding watches --- */

static void addition_free(struct addition *a)
{
    for (size_t i = 0; a && i < a->count; i++) {
        mem_free(a->of[i].path);
        mem_free(a->of[i].name);
    }
    mem_free(a);
}

void watching_want(struct scanner *s, struct client_folder *folder)
{
    if (folder->watch.id == 0)
        want(s, folder);
}

const char *watching_advice(const struct scanner *s)
{
    return s->unwatched.code == ERR_ACCESS    ? "let shunt's user read the folder"
           : s->unwatched.code == ERR_NOFILES ? "raise fs.inotify.max_user_watches and max_user_instances"
                                              : "it is tried again at each scan";
}

static void tell_unwatched(struct scanner *s, const struct error *why)
{
    if (why->code != 0)
        s->unwatched = *why;
    if (why->code == 0 || s->told_unwatched)
        return;
    s->told_unwatched = true;
    log_write(LOG_EVENT(LOG_WARN, "not_watched", .error = why->text),
              "Below %s not all is watched: what is not is only scanned every %.0f s (%s)", s->rt->config->hot,
              (double)s->rt->config->settings->scan_interval_ms / 1000, watching_advice(s));
}

static void add(struct work *work)
{
    struct addition *a = (struct addition *)work;
    for (size_t i = 0; i < a->count; i++) {
        struct error e = {0};
        a->of[i].id = watch_add(&a->scanner->watches, a->of[i].path, &e);
        if (a->of[i].id < 0 && a->of[i].id != ERR_NOPLACE && a->error.code == 0)
            a->error = e;
    }
}

static void take(struct scanner *s, struct client_folder *folder, int id, unsigned drops)
{
    int before = folder->watch.id;
    bool dropped = drops != s->watches.drops;
    if (id < 0) /* had it a watch, it was of another folder */
        watch_drop(&s->watches, &folder->watch);
    else if (!watch_take(&s->watches, &folder->watch, id, drops) && dropped)
        want(s, folder);
    if (folder->watch.id == before)
        return;
    scanner_list_folder(s, folder, WAY_REALTIME);
    /* While the root was unwatched nobody told whether what was watched below was still the folder of that name. */
    if (folder->name[0] == '\0')
        want_all(s);
}

static void on_added(struct work *work)
{
    struct addition *a = (struct addition *)work;
    struct scanner *s = a->scanner;
    s->in_work = false;
    for (size_t i = 0; i < a->count && !s->closing; i++) {
        struct client_folder *folder = watching_find(s, a->of[i].name);
        if (folder)
            take(s, folder, a->of[i].id, a->drops);
        else if (a->of[i].id > 0)
            watch_discard(&s->watches, a->of[i].id);
    }
    if (!s->closing)
        tell_unwatched(s, &a->error);
    addition_free(a);
    scanner_pump(s);
}

static bool add_path(struct addition *a, const char *name)
{
    struct str path = STR_INIT;
    str_printf(&path, "%s/%s", a->scanner->rt->config->hot, name[0] ? name : "."); /* the root may be a symbolic link */
    a->of[a->count].path = str_take(&path);
    a->of[a->count].name = mem_strdup(name);
    a->count++;
    return a->of[a->count - 1].path && a->of[a->count - 1].name;
}

/* What there is no memory for stays unwatched until it is listed again: the listings are not to wait for it. */
static struct addition *next_addition(struct scanner *s)
{
    struct addition *a = mem_zalloc(sizeof *a);
    bool whole = a != NULL;
    if (a)
        a->scanner = s;
    for (struct client_folder *f = s->folders; f && (!a || a->count < WATCH_AT_ONCE); f = f->hh.next) {
        if (!f->watch_wanted)
            continue;
        unwant(s, f);
        whole = whole && add_path(a, f->name);
    }
    if (whole)
        return a;
    addition_free(a);
    return NULL;
}

bool watching_begin(struct scanner *s)
{
    struct error e = {0};
    struct addition *a;
    if (s->n_watch_wanted == 0 || !(a = next_addition(s)))
        return false;
    a->drops = s->watches.drops;
    s->watches.on_event = on_event;
    s->watches.on_lost = on_lost;
    if (watches_open(s->rt->loop, &s->watches, &e) != 0 || work_submit(s->rt->loop, &a->work, add, on_added) != 0) {
        tell_unwatched(s, &e);
        addition_free(a);
        return false;
    }
    s->in_work = true;
    s->work_began_ms = runtime_now(s->rt);
    return true;
}

struct client_folder *watching_add(struct scanner *s, const char *name)
{
    struct client_folder *folder = mem_zalloc(sizeof *folder + strlen(name) + 1);
    if (!folder)
        return NULL;
    strcpy(folder->name, name);
    HASH_ADD_KEYPTR(hh, s->folders, folder->name, strlen(folder->name), folder);
    if (!hash_added(folder)) {
        mem_free(folder);
        return NULL;
    }
    s->n_folders++;
    return folder;
}

static void forget(struct scanner *s, struct client_folder *folder)
{
    unwant(s, folder);
    watch_drop(&s->watches, &folder->watch);
    HASH_DEL(s->folders, folder);
    s->n_folders--;
    mem_free(folder);
}

void watching_lost(struct scanner *s, struct client_folder *folder)
{
    watch_drop(&s->watches, &folder->watch);
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
    watches_close(&s->watches);
    HASH_ITER (hh, s->folders, folder, next)
        forget(s, folder);
}

size_t watching_unwatched(const struct scanner *s)
{
    size_t n = 0;
    for (const struct client_folder *folder = s->folders; folder; folder = folder->hh.next)
        n += folder->watch.id == 0;
    return n;
}

bool scanner_watches(void *scanner, const char *folder)
{
    const struct client_folder *known = watching_find(scanner, folder);
    return known && known->watch.id != 0;
}
