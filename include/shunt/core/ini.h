/* ini.h: INI text to (section, key, value, line), strict.
 *
 * inih splits the lines; our own ini_parse_stream reader stands before it, because libinih 55 cuts lines at ~195 bytes
 * and reads the tail as a new key, takes " ;" for a comment inside values, joins indented lines to the previous key,
 * and counts keys after "[broken" to the previous section. The reader hands inih a short stand-in for each line and
 * keeps the real key and value, so that a value is everything after the first '=', trimmed: long, with ';', '#', ':' or
 * '=' in it.
 *
 * Comments are lines of their own that start with ';' or '#'. An indented "key = value" is an ordinary one. A UTF-8 BOM
 * is skipped, CRLF is fine. Faults (each with file:line, reading goes on): a line that is neither section, key nor
 * comment; "[broken"; an empty key; a NUL or control character (tabs are fine around keys and values and in comments);
 * a line over INI_LINE_MAX; text that is not UTF-8; text after "]"; a text over INI_FILE_MAX (then nothing is read).
 * Pure: the text is read by the caller (io/files). Thread: any.
 */
#ifndef SHUNT_CORE_INI_H
#define SHUNT_CORE_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "shunt/base/error.h"
#include "shunt/core/faults.h"

#define INI_LINE_MAX 65536
#define INI_FILE_MAX (4 * 1024 * 1024)

/* Borrowed for the call. section is "" before the first header; a header alone is told with key NULL (so that an empty
 * section is seen). Keys of a section whose header is broken are not handed out. Section, key and value are trimmed. */
struct ini_entry {
    const char *file;
    unsigned line;
    const char *section;
    const char *key;
    const char *value;
};
typedef void (*ini_entry_cb)(void *user, const struct ini_entry *entry);

/* 0, or ERR_NOMEM. What is wrong in the text goes to faults. */
int ini_read(const char *file, const char *text, size_t len, ini_entry_cb cb, void *user, struct faults *faults);

/* Does the value look as if a comment stood behind it ("RANK ; the new one")? Who reads a value that is not free text
 * refuses it, rather than take the comment for a part of the value without a word. */
bool ini_value_has_comment(const char *value);

#endif
