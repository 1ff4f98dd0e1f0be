/* place_probe.c: a place looked at from outside a delivery: opened, tried, swept of what a crash left. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "place_internal.h"

#define PROBE_BYTES 4096

/* The place's folder. Looked at twice, for a mount that goes between the first look and the open. */
int open_place(const struct place *place, bool make, struct error *e)
{
    struct error missing = {0};
    if (place->mount && !files_is_mount(place->mount))
        return error_set(e, ERR_NOPLACE, "%s is not mounted", place->mount);
    int fd = files_open_folder(place->path, &missing);
    if (fd < 0 && missing.sys == ENOENT && make && place->create) {
        int rc = files_mkdirs(place->path, place->folder_mode, place->durable, e);
        if (rc != 0)
            return rc;
        fd = files_open_folder(place->path, e);
    } else if (fd < 0 && e && e->code == 0) {
        *e = missing;
    }
    if (fd >= 0 && place->mount && !files_is_mount(place->mount)) {
        close(fd);
        return error_set(e, ERR_NOPLACE, "%s is not mounted", place->mount);
    }
    return fd;
}

int place_sweep(const struct place *place, const struct place_item *item, struct error *e)
{
    struct error why = {0};
    char temp[TEMP_SIZE];
    temp_name(place->tag, item_whose(item), item->name, temp);
    int fd = open_place(place, false, &why);
    if (fd >= 0 && item->subfolder) {
        int below = files_open_below(fd, item->subfolder, false, 0, false, &why);
        close(fd);
        fd = below;
    }
    if (fd < 0 && why.sys == ENOENT)
        return 0;
    if (fd < 0)
        return error_set(e, fd, "%s", why.text);
    int rc = 0;
    if (unlinkat(fd, temp, 0) != 0 && errno != ENOENT)
        rc = error_errno(e, errno, "cannot remove %s in %s", temp, place->path);
    close(fd);
    return rc;
}

/* Bytes too, not only a name: a full disk still makes empty files. */
static int probe_in(const struct place *place, int folder, const char *temp, struct error *e)
{
    static const char bytes[PROBE_BYTES];
    int fd = temp_create(folder, temp);
    if (fd < 0)
        return error_errno(e, -fd, "cannot make a file in %s", place->path);
    int rc = files_write_all(fd, bytes, sizeof bytes, e);
    if (rc == 0 && place->durable)
        rc = files_sync(fd, place->path, e);
    int closed = temp_close(fd, e);
    if (unlinkat(folder, temp, 0) != 0 && rc == 0)
        rc = error_errno(e, errno, "cannot remove a file in %s", place->path);
    return rc != 0 ? rc : closed;
}

int place_probe(const struct place *place, struct error *e)
{
    char temp[TEMP_SIZE];
    temp_name(place->tag, "", "probe", temp);
    int folder = open_place(place, true, e);
    if (folder < 0)
        return folder;
    int rc = probe_in(place, folder, temp, e);
    close(folder);
    return rc;
}
