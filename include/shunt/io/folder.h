/* folder.h: listing a folder in slices, so that 100,000 files never take one long turn and never stand in memory at
 * once.
 *
 * folder_open, then folder_next until it says the end, then folder_close. The work between is blocking: each call runs
 * in one work request at a time. Names come in the order of the file system. Entries made or removed meanwhile may or
 * may not be seen (readdir(3)). Thread: any, one at a time.
 */
#ifndef SHUNT_IO_FOLDER_H
#define SHUNT_IO_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/error.h"

enum entry_kind {
    ENTRY_FILE,
    ENTRY_FOLDER,
    ENTRY_OTHER,
    ENTRY_UNKNOWN
}; /* UNKNOWN: the file system does not say (DT_UNKNOWN) */

struct folder_slice {
    char *names; /* NUL-terminated, one after another; mem_free by folder_slice_fini */
    size_t names_len, room;
    unsigned char *kinds;
    size_t count, kinds_room;
    bool end;
};
void folder_slice_init(struct folder_slice *s);
void folder_slice_fini(struct folder_slice *s);
/* Walk: for (const char *n = s.names; i < s.count; n += strlen(n) + 1, i++) */

struct folder;
struct folder *folder_open(
    const char *path,
    struct error *e); /* ERR_NOPLACE, ERR_ACCESS, ERR_NOFILES ... ; never follows a symbolic link in the last part */
void folder_id(const struct folder *f, uint64_t *dev,
               uint64_t *ino); /* which folder it is: one made anew under the same name is another */
int folder_next(struct folder *f, struct folder_slice *slice, size_t max,
                struct error *e); /* clears and fills the slice */
void folder_close(struct folder *f);

#endif
