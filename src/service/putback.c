/* putback.c: see putback.h. */
#include "putback.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/core/name.h"
#include "shunt/io/files.h"
#include "shunt/io/place.h"

#define REPLACED "\xEF\xBF\xBD" /* U+FFFD: stands for bytes of a name that nobody knows any more */

struct roots {
    const struct config *config;
    int failed, hot; /* descriptors, or the codes of: */
    struct error failed_error, hot_error;
    bool dry_run;
};

static void close_below(int fd, int root)
{
    if (fd >= 0 && fd != root)
        close(fd);
}

/* What path names below the failed folder, as FOLDER ("" right in it) and name. */
static int split(const struct config *c, const char *path, char folder[NAME_SIZE], const char **name, struct error *e)
{
    size_t root = strlen(c->failed);
    struct error ignored = {0};
    if (strncmp(path, c->failed, root) != 0 || path[root] != '/')
        return error_set(e, ERR_NOT_OURS, "its ticket lies outside the failed folder: %s", path);
    const char *rest = path + root + 1, *slash = strchr(rest, '/');
    size_t len = slash ? (size_t)(slash - rest) : 0;
    *name = slash ? slash + 1 : rest;
    bool fine = name_check(*name, strlen(*name), &ignored) == 0 && (!slash || name_check(rest, len, &ignored) == 0);
    if (!fine)
        return error_set(e, ERR_NOT_OURS, "its ticket does not lie where failed ones do: %s", path);
    memcpy(folder, rest, len);
    folder[len] = '\0';
    return 0;
}

static int check_ticket(int folder, const char *name, const char *path, struct error *e)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? error_set(e, ERR_GONE, "its ticket is no longer there: %s", path)
                               : error_errno(e, errno, "%s", path);
    return S_ISREG(st.st_mode) ? 0 : error_set(e, ERR_NOT_OURS, "it is no regular file: %s", path);
}

static int check_origin(const struct putback *item, struct error *e)
{
    struct error why = {0};
    bool fine = name_check(item->name, strlen(item->name), &why) == 0 && !strstr(item->name, REPLACED) &&
                (item->folder[0] == '\0' || name_check(item->folder, strlen(item->folder), &why) == 0);
    return fine ? 0
                : error_set(e, ERR_BAD_NAME, "its name cannot be used again%s%s; move it by hand, under another",
                            why.code ? ": " : "", why.text);
}

/* To is held, or in a dry run -1 where it is still to be made. */
static int move(const struct roots *r, int from, const char *from_name, int to, struct putback *item)
{
    char reason[NAME_SIZE];
    struct stat st;
    struct error *e = &item->error;
    if (r->dry_run) {
        bool taken = to >= 0 && fstatat(to, item->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
        return taken ? error_set(e, ERR_BUSY, "%s is taken in the hot folder", item->name) : 0;
    }
    int rc = place_move(from, from_name, to, item->name, r->config->settings->durability == DURABILITY_FULL, e);
    if (rc != 0)
        return error_context(e, "hot folder");
    name_reason(from_name, reason);
    (void)unlinkat(from, reason, 0); /* what it says is told; left behind it hurts nobody */
    return 0;
}

static int put_back(const struct roots *r, int from, const char *from_name, struct putback *item)
{
    const struct settings *s = r->config->settings;
    int to = r->hot, rc = check_ticket(from, from_name, item->path, &item->error);
    rc = rc ? rc : check_origin(item, &item->error);
    if (rc != 0)
        return rc;
    if (r->hot < 0)
        return error_set(&item->error, r->hot, "%s", r->hot_error.text);
    if (item->folder[0] != '\0') {
        struct error why = {0};
        to =
            files_open_below(r->hot, item->folder, !r->dry_run, s->folder_mode, s->durability == DURABILITY_FULL, &why);
        if (to < 0 && !(r->dry_run && why.sys == ENOENT))
            return error_set(&item->error, to, "%s", why.text);
    }
    rc = move(r, from, from_name, to, item);
    close_below(to, r->hot);
    return rc;
}

static void run(const struct roots *r, struct putback *item)
{
    char folder[NAME_SIZE];
    const char *name = NULL;
    struct error why = {0};
    if (split(r->config, item->path, folder, &name, &item->error) != 0)
        return;
    if (r->failed < 0) {
        error_set(&item->error, r->failed, "%s", r->failed_error.text);
        return;
    }
    int from = folder[0] ? files_open_below(r->failed, folder, false, 0, false, &why) : r->failed;
    if (from < 0 && why.sys == ENOENT)
        error_set(&item->error, ERR_GONE, "its ticket is no longer there: %s", item->path);
    else if (from < 0)
        error_set(&item->error, from, "%s", why.text);
    else
        put_back(r, from, name, item);
    close_below(from, r->failed);
}

void putback_run(const struct config *c, struct putback *items, size_t count, bool dry_run)
{
    struct roots r = {.config = c, .dry_run = dry_run};
    r.failed = files_open_folder(c->failed, &r.failed_error);
    r.hot = files_open_folder(c->hot, &r.hot_error);
    for (size_t i = 0; i < count; i++)
        run(&r, &items[i]);
    if (r.failed >= 0)
        close(r.failed);
    if (r.hot >= 0)
        close(r.hot);
}
