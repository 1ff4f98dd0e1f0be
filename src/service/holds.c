/* holds.c: see holds.h. */
#include "shunt/service/holds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/core/name.h"
#include "shunt/io/files.h"
#include "shunt/service/lane.h"

#define PREFIX ".held-"

int holds_write(const struct instance *instance, const char *name, bool held, struct error *e)
{
    char file[NAME_SIZE];
    if ((size_t)snprintf(file, sizeof file, PREFIX "%s", name) >= sizeof file)
        return error_set(e, ERR_BAD_NAME, "%.64s...: is no destination", name);
    int folder = files_open_folder(instance->root, e);
    if (folder < 0)
        return folder;
    int fd = held ? openat(folder, file, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;
    bool fine = held ? fd >= 0 : unlinkat(folder, file, 0) == 0 || errno == ENOENT;
    int rc = fine ? files_sync(folder, instance->root, e)
                  : error_errno(e, errno, "%s/%s cannot be %s", instance->root, file, held ? "made" : "removed");
    if (fd >= 0)
        close(fd);
    close(folder);
    return rc;
}

int holds_read(const struct instance *instance, json_t **names, struct error *e)
{
    int rc = 0;
    json_t *list = json_array();
    DIR *dir = opendir(instance->root);
    if (!dir)
        rc = error_errno(e, errno, "%s cannot be listed", instance->root);
    else if (!list)
        rc = error_set(e, ERR_NOMEM, "out of memory");
    for (const struct dirent *entry; rc == 0 && (errno = 0, entry = readdir(dir)) != NULL;)
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 && utf8_valid(entry->d_name, strlen(entry->d_name)) &&
            json_array_append_new(list, json_string(entry->d_name + strlen(PREFIX))) != 0)
            rc = error_set(e, ERR_NOMEM, "out of memory");
    if (rc == 0 && errno != 0)
        rc = error_errno(e, errno, "%s cannot be listed", instance->root);
    if (dir)
        closedir(dir);
    if (rc == 0)
        *names = list;
    else
        json_decref(list);
    return rc;
}

static void run(struct work *work)
{
    struct holds *h = (struct holds *)work;
    error_clear(&h->error);
    (void)holds_read(h->lanes->instance, &h->names, &h->error);
}

static void on_done(struct work *work)
{
    struct holds *h = (struct holds *)work;
    h->in_work = false;
    if (h->names && !h->stale)
        (void)lanes_hold_only(h->lanes, h->names); /* for want of memory the next look does it */
    if (!h->names && !h->told)
        log_write(LOG_EVENT(LOG_WARN, "holds_unknown", .error = h->error.text),
                  "Which destinations other instances hold cannot be seen");
    h->told = !h->names;
    json_decref(h->names);
    h->names = NULL;
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
