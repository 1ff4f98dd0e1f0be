/* disks.c: see disks.h. The requests lie in the disks themselves: nothing here allocates. */
#include "shunt/service/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void run(struct work *work)
{
    struct disk *disk = (struct disk *)work;
    struct disk_answer *answer = &disk->next;
    struct statvfs room;
    struct stat st;
    *answer = (struct disk_answer){0};
    int fd = open(disk->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        error_errno(&answer->error, errno, "%s cannot be listed", disk->path);
        return;
    }
    if (fstatvfs(fd, &room) == 0 && fstat(fd, &st) == 0) {
        answer->device = st.st_dev;
        answer->size_bytes = (uint64_t)room.f_blocks * room.f_frsize;
        answer->free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
    }
    if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
        error_errno(&answer->error, errno, "%s cannot be written", disk->path);
    close(fd);
}

static void on_done(struct work *work)
{
    struct disk *disk = (struct disk *)work;
    disk->in_work = false;
    disk->known = true;
    disk->is = disk->next;
}

void disks_init(struct disks *d, struct runtime *rt)
{
    const struct config *c = rt->config;
    *d = (struct disks){.rt = rt,
                        .of = {[DISK_HOT] = {.name = "hot", .path = c->hot},
                               [DISK_ARCHIVE] = {.name = "archive", .path = c->archive},
                               [DISK_FAILED] = {.name = "failed", .path = c->failed},
                               [DISK_UNDERPROCESS] = {.name = "underprocess", .path = c->underprocess},
                               [DISK_LOGS] = {.name = "logs", .path = c->logs},
                               [DISK_DATA] = {.name = "data", .path = c->data}}};
    for (size_t i = 0; i < DISKS; i++)
        d->of[i].disks = d;
}

void disks_look(struct disks *d)
{
    int64_t now = runtime_now(d->rt);
    if (now < d->next_ms || d->rt->draining)
        return;
    d->next_ms = now + DISKS_LOOK_MS;
    for (size_t i = 0; i < DISKS; i++) {
        struct disk *disk = &d->of[i];
        if (disk->in_work || work_submit(d->rt->loop, &disk->work, run, on_done) != 0)
            continue;
        disk->in_work = true;
        disk->began_ms = now;
    }
}

bool disk_hangs(const struct disk *disk)
{
    return disk->in_work && runtime_now(disk->disks->rt) - disk->began_ms >= DISKS_HANG_MS;
}

bool disks_idle(const struct disks *d)
{
    for (size_t i = 0; i < DISKS; i++)
        if (d->of[i].in_work && !disk_hangs(&d->of[i]))
            return false;
    return true;
}

bool disks_hang(const struct disks *d)
{
    for (size_t i = 0; i < DISKS; i++)
        if (disk_hangs(&d->of[i]))
            return true;
    return false;
}
