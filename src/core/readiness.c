/* readiness.c: the decision whether a file is whole. Nothing here can fail; the caller looks, we judge. */
#include "shunt/core/readiness.h"

bool file_print_same(const struct file_print *a, const struct file_print *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

/* 1, 2, 4 ... since the last change, never more than limit_ms. */
static int64_t next_pause(struct readiness *r, int64_t limit_ms)
{
    int64_t pause = READINESS_PAUSE_MAX_MS;
    if (r->looks < 8)
        pause = INT64_C(1) << r->looks;
    if (r->looks < UINT32_MAX)
        r->looks++;
    if (pause > READINESS_PAUSE_MAX_MS)
        pause = READINESS_PAUSE_MAX_MS;
    return pause < limit_ms ? pause : limit_ms;
}

/* `then` once the file has kept still for so long. */
static enum verdict after_stillness(struct readiness *r, enum verdict then, int64_t needed_ms, int64_t now_ms,
                                    int64_t *pause_ms)
{
    int64_t left = needed_ms - (now_ms - r->still_since_ms);
    if (left <= 0)
        return then;
    *pause_ms = next_pause(r, left);
    return VERDICT_WAIT;
}

enum verdict readiness_look(struct readiness *r, const struct readiness_rules *rules, const struct file_print *print,
                            enum writer writer, enum wholeness whole, int64_t now_ms, int64_t *pause_ms)
{
    bool changed = !r->seen || !file_print_same(&r->last, print);
    if (changed) {
        r->last = *print;
        r->looks = 0;
        r->seen = true;
    }
    if (changed || writer == WRITER_PRESENT)
        r->still_since_ms = now_ms;

    *pause_ms = 0;
    if (writer == WRITER_PRESENT) {
        *pause_ms = next_pause(r, READINESS_PAUSE_MAX_MS);
        return VERDICT_WAIT;
    }
    if (whole != WHOLE_COMPLETE)
        return after_stillness(r, VERDICT_INVALID, rules->settle_ms, now_ms, pause_ms);
    if (writer == WRITER_NONE)
        return VERDICT_READY;
    return after_stillness(r, VERDICT_READY, rules->settle_complete_ms, now_ms, pause_ms);
}
