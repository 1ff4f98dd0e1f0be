/* name.h: the names of files and folders: which are taken up, and which we make. Pure. Thread: any.
 * Made names are at most NAME_LEN_MAX bytes: the stem is cut at a character (UTF-8), the ending stays. */
#ifndef SHUNT_CORE_NAME_H
#define SHUNT_CORE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/base/error.h"
#include "shunt/core/settings.h"

#define NAME_LEN_MAX 255
#define NAME_SIZE    (NAME_LEN_MAX + 1)

enum name_kind {
    NAME_IGNORED, /* starts with a dot, a writer's temporary name (.tmp .temp .part .partial .filepart .crdownload
                     .download .swp .lock ~ .nfs* #x#), or fits no glob */
    NAME_TICKET,
    NAME_FILE,
    NAME_BAD, /* would be a ticket or file, but holds a control character or is not UTF-8: failed with its reason, the
                 name escaped */
};
/* Endings are compared without regard to case ("X.JSON" fits "*.json"). */
enum name_kind name_kind_of(const char *name, const struct text_list *tickets, const struct text_list *files);

/* One path component that is safe to make: not empty, not "." or "..", no leading dot, no '/', valid UTF-8, no control
 * character, at most NAME_LEN_MAX. ERR_BAD_NAME says which. */
int name_check(const char *name, size_t len, struct error *e);

/* copy is the number that is shown, 0: none. Control characters, '/' and what is not UTF-8 become '_' in all made
 * names. */
/* "20260206_153046_x.json"; copy > 0: "20260206_153046_2_x.json" (another ticket failed with that name in that second).
 * Always short enough for name_reason to add to it whole. */
void name_failed(const char *stamp, const char *name, unsigned copy, char out[NAME_SIZE]);
/* "20260206_153046_x.json.reason.txt" */
void name_reason(const char *failed_name, char out[NAME_SIZE]);
/* Another client's ticket of a taken name: "x (RANK).json", then "x (RANK 2).json" */
void name_beside(const char *name, const char *client, unsigned copy, char out[NAME_SIZE]);
/* An older version in the archive, by the first bytes of its SHA-256: "x.v-3fa9c1d2e4b5.json" */
void name_version(const char *name, const uint8_t sha256[32], char out[NAME_SIZE]);

#endif
