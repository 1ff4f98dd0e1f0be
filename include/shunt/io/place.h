/* place.h: durable publishing of many files into a folder: the one way in which shunt writes what others read.
 *
 * For each item: temporary name in the target's folder (a dot name, the same for the same item and only for it, so that
 * a crash leaves nothing that the next try does not overwrite) -> write -> mode, owner -> flush -> rename onto the
 * target -> flush of the folder. A reader never sees half a file; the old one is there until the new one is. Where the
 * item's claimed file itself may become the published one (`original`), it gets the name as a second link instead of a
 * copy: nothing is written. Flushes are grouped: a few files one fsync each, many files one syncfs(2) for all; likewise
 * the folders. A flush that failed is final for those copies: the temporaries are removed and the items fail as
 * transient; the next try copies anew.
 *
 * What happens to a name that is taken is decided by `conflict` (core/routes.h) and by whose it is: the ClientCode
 * that the existing file itself declares.
 *
 *   REPLACE   absent: renamed without replacing. The same client's: identical bytes are left as they are (but for mode
 *             and owner); others are replaced, by an exchange that is looked at, so that another client's file which
 *             came meanwhile is not lost (a plain rename where the file system has no exchange). Another's or unknown:
 *             beside it under name_beside; identical bytes: nothing to do.
 *   KEEP      identical bytes: nothing to do; else beside it.
 *   FAIL      identical bytes: nothing to do; else ERR_CONFLICT.
 *   VERSIONS  identical bytes: nothing to do; else the existing one gets a second link under name_version (by its hash;
 *             already there: fine), the new one takes the plain name by an exchange (a plain rename where there is none),
 *             and an older version with the same bytes as the new one is removed. What came out and is not what was
 *             looked at, because another writer came between, is kept as a version too.
 *
 * File systems without renameat2(RENAME_NOREPLACE) or link(2) get the nearest sequence that never removes the old file
 * first.
 *
 * Blocking; pure: input and output are the caller's structs. Thread: any.
 */
#ifndef SHUNT_IO_PLACE_H
#define SHUNT_IO_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/error.h"
#include "shunt/core/name.h"
#include "shunt/core/routes.h"
#include "shunt/io/files.h"
#include "shunt/io/source.h"

struct place {
    const char *path;  /* absolute */
    const char *tag;   /* names this place in temporary names (two places may share a folder by mistake) and tells
                          instances apart */
    bool create;       /* make path where it is missing */
    const char *mount; /* NULL or a folder that must be a mount point, else ERR_NOPLACE */
    unsigned mode, folder_mode;
    long uid, gid;  /* -1: not changed */
    bool keep_time; /* what is published has the time of last change of the claimed file (item's mtime_ns) */
    enum conflict conflict;
    bool durable;
};

enum placed { PLACED_NEW, PLACED_REPLACED, PLACED_BESIDE, PLACED_ALREADY_THERE };

struct place_item {
    /* in, borrowed */
    const char *subfolder; /* a single name below path, made where missing; NULL: path itself */
    const char *name;
    const char *key;      /* "FOLDER/name": names the temporary: no other item of the same tag may have it at the same
                             moment; NULL: client and name do that */
    const char *client;   /* the folder's client, for name_beside */
    const char *declared; /* the ClientCode in the document; NULL: not a ticket */
    const char *bytes;    /* content, or NULL: copied from `source` */
    const char *source;   /* absolute path of the claimed file (opened O_NOFOLLOW) */
    /* The claimed file, open, where it may be published as it is; NULL: always copied. It is linked only where its lease
     * shows no writer, it has no other name, it lies on the same file system and has the owner that a copy would have (its
     * mode is changed to the place's): a producer can then not reach what is published. NULL also after a try that
     * failed: a flush that failed may have lost what lies below the claimed file, a copy is written anew. */
    const struct source *original;
    int64_t mtime_ns;
    uint64_t size;
    const uint8_t *sha256; /* of the content; a copy from `source` that differs is ERR_CHANGED */
    bool redone;           /* an earlier try of a dead instance may have left its temporary (see place_sweep) */
    bool anew;    /* an earlier try failed, perhaps with a flush: identical bytes that are there already are not
                              believed to be durable, and are replaced */
    bool refused; /* for place_publish itself: the original could not be linked */
    /* out */
    struct error error; /* code 0: published (and durable where asked) */
    enum placed placed;
    bool linked; /* the original is what was published */
    char final_name[NAME_SIZE];
};

void place_publish(const struct place *place, struct place_item *items, size_t count);

/* Removes the temporary that a crash may have left for this item. 0 also where there is none. */
int place_sweep(const struct place *place, const struct place_item *item, struct error *e);

/* Can files be made there? (shunt check; a breaker's look.) Makes and removes a temporary. */
int place_probe(const struct place *place, struct error *e);

/* Moves a claimed file onto folder/name where nothing of that name is: rename, or across file systems, or where the
 * file has other names, a durable copy
 * first, then removal. ERR_BUSY where the name is taken (by other bytes; the same bytes: as done). */
int place_move(int from_fd, const char *from_name, int to_fd, const char *to_name, bool durable, struct error *e);

#endif
