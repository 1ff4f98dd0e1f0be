/* error.h: what went wrong, in which class, in words a person can act on.
 *
 * Functions return 0 or a negative code of enum error_code. The text goes into a struct error of the
 * caller's. The first error wins: a later error_set() on a struct that already holds one changes nothing.
 * On the way up callers put context before the text with error_context().
 *
 * Ownership: struct error is a value, nothing to free. Thread: any, one struct belongs to one thread at a time.
 */
#ifndef SHUNT_BASE_ERROR_H
#define SHUNT_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* What a caller should do about it. */
enum error_class {
    CLASS_NONE,          /* no error */
    CLASS_INVALID,       /* the job itself is bad: never tried again */
    CLASS_TRANSIENT,     /* the place or the moment is bad: tried again */
    CLASS_CONFIGURATION, /* a person must change a setting */
    CLASS_RESOURCE,      /* we ran out of memory, descriptors, ..., or cannot read what is ours: tried again, no place's
                       fault, not counted as an attempt */
    CLASS_STATE,         /* no fault: not ready, gone, changed under us; the caller looks again */
};

enum error_code {
    ERR_NONE = 0,
    /* CLASS_RESOURCE */
    ERR_NOMEM = -1,
    ERR_NOFILES = -2, /* EMFILE, ENFILE */
    ERR_SOURCE = -3,  /* the claimed ticket cannot be read (EIO, EACCES) */
    /* CLASS_INVALID */
    ERR_SYNTAX = -10,        /* not JSON (RFC 8259), not UTF-8 */
    ERR_MISSING_FIELD = -11, /* a required field is absent or empty */
    ERR_BAD_FIELD = -12,     /* a field has the wrong type or a forbidden value */
    ERR_MISMATCH = -13,      /* ClientCode and folder differ */
    ERR_TOO_LARGE = -14,
    ERR_TOO_DEEP = -15,
    ERR_CONFLICT = -16,   /* the name is taken at a destination that says conflict = fail */
    ERR_BAD_NAME = -17,   /* a file or folder name that cannot be used */
    ERR_UNREADABLE = -18, /* the ticket itself may not be read */
    ERR_POISON = -19,     /* the ticket was in work in two crashes */
    ERR_CANCELLED = -20,  /* a person took the job back */
    ERR_DUPLICATE = -21,  /* the same was delivered before */
    /* CLASS_TRANSIENT */
    ERR_IO = -30,
    ERR_NOSPACE = -31,  /* ENOSPC, EDQUOT */
    ERR_ACCESS = -32,   /* EACCES, EPERM on a place of ours */
    ERR_READONLY = -33, /* EROFS */
    ERR_NOPLACE = -34,  /* folder or mount is missing, not a folder */
    ERR_TIMEOUT = -35,
    ERR_NETWORK = -36,
    /* CLASS_STATE */
    ERR_WRITING = -50,    /* somebody has it open for writing */
    ERR_INCOMPLETE = -51, /* ends too early; may still grow */
    ERR_CHANGED = -52,    /* changed while we read it */
    ERR_GONE = -53,       /* ENOENT on a ticket: taken by another, removed */
    ERR_NOT_OURS = -54,   /* symbolic link, folder, fifo, device, socket: left alone */
    ERR_BUSY = -55,       /* an older ticket of that name is still in work */
    /* CLASS_CONFIGURATION */
    ERR_CONFIG = -70,
    ERR_USAGE = -71,
    /* CLASS_TRANSIENT, but a bug: an assumption of ours did not hold */
    ERR_INTERNAL = -90,
};

#define ERROR_TEXT_MAX 512

struct error {
    int code; /* enum error_code */
    int sys;  /* errno it came from, or 0 */
    char text[ERROR_TEXT_MAX];
};

void error_clear(struct error *e);

/* Sets code and text when e holds none yet. e may be NULL. Returns code (also when e already held another). */
int error_set(struct error *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As error_set, the code from errno and ": <strerror>" added. Returns the code. */
int error_errno(struct error *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "<text>: " before what is there, cut at the size. Does nothing where e is NULL or empty. Returns e's code. */
int error_context(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ENOENT is ERR_NOPLACE here; a caller for whom a missing file is a state maps it itself. */
int error_from_errno(int errnum);

enum error_class error_class_of(int code);

/* Short stable word for logs and JSON: "syntax", "no_space", "missing_field" ... never NULL. */
const char *error_name(int code);

#endif
