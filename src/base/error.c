#include "shunt/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shunt/base/str.h"

/* One table: code, class and word stand together and cannot drift apart. */
static const struct {
    int code;
    enum error_class class;
    const char *name;
} table[] = {
    {ERR_NONE, CLASS_NONE, "none"},
    {ERR_NOMEM, CLASS_RESOURCE, "no_memory"},
    {ERR_NOFILES, CLASS_RESOURCE, "no_descriptors"},
    {ERR_SOURCE, CLASS_RESOURCE, "source"},
    {ERR_SYNTAX, CLASS_INVALID, "syntax"},
    {ERR_MISSING_FIELD, CLASS_INVALID, "missing_field"},
    {ERR_BAD_FIELD, CLASS_INVALID, "bad_field"},
    {ERR_MISMATCH, CLASS_INVALID, "client_mismatch"},
    {ERR_TOO_LARGE, CLASS_INVALID, "too_large"},
    {ERR_TOO_DEEP, CLASS_INVALID, "too_deep"},
    {ERR_CONFLICT, CLASS_INVALID, "conflict"},
    {ERR_BAD_NAME, CLASS_INVALID, "bad_name"},
    {ERR_UNREADABLE, CLASS_INVALID, "unreadable"},
    {ERR_POISON, CLASS_INVALID, "poison"},
    {ERR_CANCELLED, CLASS_INVALID, "cancelled"},
    {ERR_DUPLICATE, CLASS_INVALID, "duplicate"},
    {ERR_IO, CLASS_TRANSIENT, "io"},
    {ERR_NOSPACE, CLASS_TRANSIENT, "no_space"},
    {ERR_ACCESS, CLASS_TRANSIENT, "access"},
    {ERR_READONLY, CLASS_TRANSIENT, "read_only"},
    {ERR_NOPLACE, CLASS_TRANSIENT, "no_place"},
    {ERR_TIMEOUT, CLASS_TRANSIENT, "timeout"},
    {ERR_NETWORK, CLASS_TRANSIENT, "network"},
    {ERR_WRITING, CLASS_STATE, "writing"},
    {ERR_INCOMPLETE, CLASS_STATE, "incomplete"},
    {ERR_CHANGED, CLASS_STATE, "changed"},
    {ERR_GONE, CLASS_STATE, "gone"},
    {ERR_NOT_OURS, CLASS_STATE, "not_ours"},
    {ERR_BUSY, CLASS_STATE, "busy"},
    {ERR_CONFIG, CLASS_CONFIGURATION, "configuration"},
    {ERR_USAGE, CLASS_CONFIGURATION, "usage"},
    {ERR_INTERNAL, CLASS_TRANSIENT, "internal"},
};

static size_t table_index(int code)
{
    size_t n = sizeof table / sizeof *table;
    for (size_t i = 0; i < n; i++) {
        if (table[i].code == code) {
            return i;
        }
    }
    return n - 1;
}

enum error_class error_class_of(int code)
{
    return table[table_index(code)].class;
}

const char *error_name(int code)
{
    return table[table_index(code)].name;
}

int error_from_errno(int errnum)
{
    switch (errnum) {
    case ENOMEM:
        return ERR_NOMEM;
    case EMFILE:
    case ENFILE:
        return ERR_NOFILES;
    case ENOSPC:
    case EDQUOT:
        return ERR_NOSPACE;
    case EACCES:
    case EPERM:
        return ERR_ACCESS;
    case EROFS:
        return ERR_READONLY;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENODEV:
    case ESTALE:
        return ERR_NOPLACE;
    case ENAMETOOLONG:
    case EILSEQ:
        return ERR_BAD_NAME;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
        return ERR_NETWORK;
    case 0:
    case EBADF:
    case EFAULT:
        return ERR_INTERNAL;
    default:
        return ERR_IO;
    }
}

void error_clear(struct error *e)
{
    if (e) {
        e->code = ERR_NONE;
        e->sys = 0;
        e->text[0] = '\0';
    }
}

static void keep_text(struct error *e, const char *full)
{
    size_t n = strlen(full);
    size_t cut = utf8_cut(full, n, sizeof e->text - 1);
    memcpy(e->text, full, cut);
    e->text[cut] = '\0';
}

int error_set(struct error *e, int code, const char *fmt, ...)
{
    if (e && e->code == ERR_NONE) {
        char full[2 * ERROR_TEXT_MAX];
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(full, sizeof full, fmt, args);
        va_end(args);
        keep_text(e, full);
        e->code = code;
        e->sys = 0;
    }
    return code;
}

int error_errno(struct error *e, int errnum, const char *fmt, ...)
{
    int code = error_from_errno(errnum);
    if (!e || e->code != ERR_NONE) {
        return code;
    }
    char what[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);

    /* strerror() is not for several threads */
    const char *why = strerrordesc_np(errnum);
    if (why) {
        (void)error_set(e, code, "%s: %s", what, why);
    } else {
        (void)error_set(e, code, "%s: error %d", what, errnum);
    }
    e->sys = errnum;
    return code;
}

int error_context(struct error *e, const char *fmt, ...)
{
    if (!e || e->code == ERR_NONE) {
        return ERR_NONE;
    }
    char before[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(before, sizeof before, fmt, args);
    va_end(args);

    char full[2 * ERROR_TEXT_MAX + 2];
    (void)snprintf(full, sizeof full, "%s: %s", before, e->text);
    keep_text(e, full);
    return e->code;
}
