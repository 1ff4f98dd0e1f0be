/* readiness.h: is this file whole? Pure decision from what was observed, on the caller's clock.
 *
 * A complete document that nobody has open for writing is ready at once. Where the kernel cannot be asked, a complete
 * one is ready after keeping still for settle_complete. An incomplete one is looked at again with growing pauses, and
 * is invalid only after keeping still, without a writer, for settle, by our clock since we last saw it change: mtimes
 * lie. While somebody writes it is never invalid and never ready. A document that is broken (not only short) waits as
 * an incomplete one does: a writer may still be rewriting it in place. Thread: any.
 */
#ifndef SHUNT_CORE_READINESS_H
#define SHUNT_CORE_READINESS_H

#include <stdbool.h>
#include <stdint.h>

enum writer { WRITER_NONE, WRITER_PRESENT, WRITER_UNKNOWN };
enum wholeness { WHOLE_COMPLETE, WHOLE_INCOMPLETE, WHOLE_BROKEN };

/* What a look at the file saw. Two looks with the same print saw the same bytes, as far as stat can tell. */
struct file_print {
    uint64_t dev, ino;
    int64_t size;
    int64_t mtime_ns, ctime_ns;
};

bool file_print_same(const struct file_print *a, const struct file_print *b);

/* Kept for a file from look to look. Zeroed at first. */
struct readiness {
    struct file_print last;
    int64_t still_since_ms; /* mono; when we last saw it change, or somebody have it open for writing */
    unsigned looks;         /* since we last saw it change */
    bool seen;
};

struct readiness_rules {
    int64_t settle_ms, settle_complete_ms;
};

enum verdict { VERDICT_READY, VERDICT_WAIT, VERDICT_INVALID };

/* Where VERDICT_WAIT, *pause_ms is when to look again: 1, 2, 4 ... READINESS_PAUSE_MAX_MS while it keeps still, from 1
 * again after a change, and never later than the moment at which the answer would turn. */
#define READINESS_PAUSE_MAX_MS 250
enum verdict readiness_look(struct readiness *r, const struct readiness_rules *rules, const struct file_print *print,
                            enum writer writer, enum wholeness whole, int64_t now_ms, int64_t *pause_ms);

#endif
