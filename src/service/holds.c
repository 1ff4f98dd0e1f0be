/* holds.c: see holds.h. */
#include "shunt/service/holds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/core/name.h"
#include "shunt/io/files.h"
#include "shunt/net/http_server.h"
#include "shunt/service/lane.h"

#define PREFIX ".held-"
#define MODE   0644

static int remove_file(int folder, const char *root, const char *file, struct error *e)
{
    if (unlinkat(folder, file, 0) != 0)
        return errno == ENOENT ? 0 : error_errno(e, errno, "%s/%s cannot be removed", root, file);
    return files_sync(folder, root, e);
}

static int make_file(int folder, unsigned number, const char *file, const char *by, struct error *e)
{
    char temporary[32];
    struct error why = {0};
    (void)snprintf(temporary, sizeof temporary, ".hold-%u", number);
    int rc = files_write_new(folder, temporary, file, by, strlen(by), MODE, &why);
    return rc == 0 || rc == ERR_BUSY ? 0 : error_set(e, rc, "%s", why.text); /* who held it first is told of */
}

int holds_write(const struct instance *instance, const char *name, const char *by, struct error *e)
{
    char file[NAME_SIZE];
    if ((size_t)snprintf(file, sizeof file, PREFIX "%s", name) >= sizeof file)
        return error_set(e, ERR_BAD_NAME, "%.64s...: is no destination", name);
    int folder = files_open_folder(instance->root, e);
    if (folder < 0)
        return folder;
    int rc = by ? make_file(folder, instance->number, file, by, e) : remove_file(folder, instance->root, file, e);
    close(folder);
    return rc;
}

/* {"by", "since_ms"}. One that is removed meanwhile, or cannot be read, is held by "" all the same. */
static json_t *read_hold(int folder, const char *file)
{
    char by[HTTP_WHO_MAX] = "";
    struct stat st = {0};
    int fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fd >= 0 && fstat(fd, &st) == 0 ? read(fd, by, sizeof by - 1) : 0;
    if (fd >= 0)
        close(fd);
    by[n > 0 && utf8_valid(by, (size_t)n) ? n : 0] = '\0';
    return json_pack("{s:s, s:I}", "by", by, "since_ms",
                     (json_int_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
}

int holds_read(const struct instance *instance, json_t **holds, struct error *e)
{
    const size_t prefix = strlen(PREFIX);
    json_t *all = json_object();
    DIR *dir = opendir(instance->root);
    int rc = dir ? 0 : error_errno(e, errno, "%s cannot be listed", instance->root);
    for (const struct dirent *entry; rc == 0 && (errno = 0, entry = readdir(dir)) != NULL;)
        if (strncmp(entry->d_name, PREFIX, prefix) == 0 && utf8_valid(entry->d_name, strlen(entry->d_name)) &&
            json_object_set_new(all, entry->d_name + prefix, read_hold(dirfd(dir), entry->d_name)) != 0)
            rc = error_set(e, ERR_NOMEM, "out of memory");
    if (rc == 0 && errno != 0)
        rc = error_errno(e, errno, "%s cannot be listed", instance->root);
    if (rc == 0 && !all)
        rc = error_set(e, ERR_NOMEM, "out of memory");
    if (dir)
        closedir(dir);
    if (rc == 0)
        *holds = all;
    else
        json_decref(all);
    return rc;
}

static void run(struct work *work)
{
    struct holds *h = (struct holds *)work;
    error_clear(&h->error);
    (void)holds_read(h->lanes->instance, &h->holds, &h->error);
}

static void on_done(struct work *work)
{
    struct holds *h = (struct holds *)work;
    h->in_work = false;
    if (h->holds && !h->stale)
        (void)lanes_hold_only(h->lanes, h->holds); /* for want of memory the next look does it */
    if (!h->holds && !h->told)
        log_write(LOG_EVENT(LOG_WARN, "holds_unknown", .error = h->error.text),
                  "Which destinations other instances hold cannot be seen");
    h->told = !h->holds;
    json_decref(h->holds);
    h->holds = NULL;
}

void holds_init(struct holds *h, struct delivery_lanes *lanes)
{
    *h = (struct holds){.lanes = lanes};
}

void holds_look(struct holds *h)
{
    int64_t now = runtime_now(h->lanes->rt);
    if (h->in_work || now < h->next_ms || h->lanes->rt->draining)
        return;
    h->next_ms = now + HOLDS_LOOK_MS;
    h->stale = false;
    h->in_work = work_submit(h->lanes->rt->loop, &h->work, run, on_done) == 0;
}

void holds_changed(struct holds *h)
{
    h->stale = true;
}

bool holds_idle(const struct holds *h)
{
    return !h->in_work;
}
