/* name.c: names judged by their bytes alone, and names made of a stem that may be cut and an ending that may not.
 * Cannot fail but where a name is refused; nothing is allocated. */
#include "shunt/core/name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shunt/base/str.h"

#define ENDING_MAX 32  /* a longer "ending" is part of the stem */
#define CLIENT_MAX 100 /* bytes of a client in a name of ours: leaves room for the stem */
#define REASON     ".reason.txt"

static bool ends_with(const char *name, size_t len, const char *ending)
{
    size_t n = strlen(ending);
    return len >= n && strcasecmp(name + len - n, ending) == 0;
}

static bool is_writers(const char *name, size_t len)
{
    static const char *const endings[] = {".tmp",        ".temp",     ".part", ".partial", ".filepart",
                                          ".crdownload", ".download", ".swp",  ".lock",    "~"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (ends_with(name, len, endings[i])) {
            return true;
        }
    }
    return len >= 2 && name[0] == '#' && name[len - 1] == '#';
}

/* From the last dot on, "" where there is none or it leads the name. */
static const char *ending_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name && strlen(dot) <= ENDING_MAX ? dot : name + strlen(name);
}

static void lower_ending(char *text)
{
    for (char *c = (char *)ending_of(text); *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    }
}

/* name is folded already. A pattern longer than a name can be is taken as it is. */
static bool fits(const char *name, const struct text_list *globs)
{
    for (size_t i = 0; globs != NULL && i < globs->count; i++) {
        char folded[NAME_SIZE];
        const char *pattern = globs->items[i];
        if (strlen(pattern) < sizeof folded) {
            memcpy(folded, pattern, strlen(pattern) + 1);
            lower_ending(folded);
            pattern = folded;
        }
        if (glob_match(pattern, name, strlen(name))) {
            return true;
        }
    }
    return false;
}

enum name_kind name_kind_of(const char *name, const struct text_list *tickets, const struct text_list *files)
{
    size_t len = strlen(name);
    if (len == 0 || name[0] == '.' || len > NAME_LEN_MAX || is_writers(name, len)) {
        return NAME_IGNORED;
    }
    char folded[NAME_SIZE];
    memcpy(folded, name, len + 1);
    lower_ending(folded);
    bool ticket = fits(folded, tickets);
    if (!ticket && !fits(folded, files)) {
        return NAME_IGNORED;
    }
    if (!utf8_valid(name, len) || text_has_control(name, len)) {
        return NAME_BAD;
    }
    return ticket ? NAME_TICKET : NAME_FILE;
}

int name_check(const char *name, size_t len, struct error *e)
{
    if (len == 0) {
        return error_set(e, ERR_BAD_NAME, "the name is empty");
    }
    if (len > NAME_LEN_MAX) {
        return error_set(e, ERR_BAD_NAME, "the name has %zu bytes, more than %d", len, NAME_LEN_MAX);
    }
    if (name[0] == '.') {
        return error_set(e, ERR_BAD_NAME, "the name starts with a dot");
    }
    if (memchr(name, '/', len) != NULL) {
        return error_set(e, ERR_BAD_NAME, "the name holds a \"/\"");
    }
    if (!utf8_valid(name, len)) {
        return error_set(e, ERR_BAD_NAME, "the name is not valid UTF-8");
    }
    if (text_has_control(name, len)) {
        return error_set(e, ERR_BAD_NAME, "the name holds a control character");
    }
    return 0;
}

/* Bytes of the harmless character that text begins with, 0: none. */
static size_t good_character(const char *text, size_t n)
{
    for (size_t len = 1; len <= 4 && len <= n; len++) {
        if (utf8_valid(text, len)) {
            return text[0] == '/' || text_has_control(text, len) ? 0 : len;
        }
    }
    return 0;
}

/* A part of a name that is safe to use, whole characters, at most max bytes. Returns its length. */
static size_t cleaned(const char *text, size_t n, size_t max, char *out)
{
    size_t at = 0, len = 0;
    while (at < n) {
        size_t character = good_character(text + at, n - at);
        size_t bytes = character > 0 ? character : 1;
        if (len + bytes > max) {
            break;
        }
        memcpy(out + len, character > 0 ? text + at : "_", bytes);
        at += bytes;
        len += bytes;
    }
    out[len] = '\0';
    return len;
}

/* <before><stem><after><ending> in at most max bytes, the stem of the name cut where it must be. */
static void assemble(const char *before, const char *name, const char *after, size_t max, char out[NAME_SIZE])
{
    char stem[NAME_SIZE], ending[ENDING_MAX + 1];
    const char *dot = ending_of(name);
    size_t fixed = strlen(before) + strlen(after) + cleaned(dot, strlen(dot), ENDING_MAX, ending);
    (void)cleaned(name, (size_t)(dot - name), fixed < max ? max - fixed : 0, stem);
    (void)stpcpy(stpcpy(stpcpy(stpcpy(out, before), stem), after), ending);
}

void name_failed(const char *stamp, const char *name, unsigned copy, char out[NAME_SIZE])
{
    char before[64];
    if (copy == 0) {
        (void)snprintf(before, sizeof before, "%.32s_", stamp);
    } else {
        (void)snprintf(before, sizeof before, "%.32s_%u_", stamp, copy);
    }
    assemble(before, name, "", NAME_LEN_MAX - strlen(REASON), out);
}

void name_reason(const char *failed_name, char out[NAME_SIZE])
{
    (void)cleaned(failed_name, strlen(failed_name), NAME_LEN_MAX - strlen(REASON), out);
    memcpy(out + strlen(out), REASON, sizeof REASON);
}

void name_beside(const char *name, const char *client, unsigned copy, char out[NAME_SIZE])
{
    char who[CLIENT_MAX + 1], after[CLIENT_MAX + 32];
    (void)cleaned(client, strlen(client), CLIENT_MAX, who);
    if (copy == 0) {
        (void)snprintf(after, sizeof after, " (%s)", who);
    } else {
        (void)snprintf(after, sizeof after, " (%s %u)", who, copy);
    }
    assemble("", name, after, NAME_LEN_MAX, out);
}

void name_version(const char *name, const uint8_t sha256[32], char out[NAME_SIZE])
{
    char after[32];
    (void)snprintf(after, sizeof after, ".v-%02x%02x%02x%02x%02x%02x", sha256[0], sha256[1], sha256[2], sha256[3],
                   sha256[4], sha256[5]);
    assemble("", name, after, NAME_LEN_MAX, out);
}
