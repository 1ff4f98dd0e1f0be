/* retry.c: pauses between attempts and the breaker of a destination. Arithmetic only: nothing here can fail. */
#include "shunt/core/retry.h"

#include <stddef.h>

/* By squaring, so that any attempt number costs a few steps; too large becomes infinity, which the limit catches. */
static double power(double factor, unsigned n)
{
    double result = 1;
    for (; n > 0; n >>= 1) {
        if (n & 1)
            result *= factor;
        factor *= factor;
    }
    return result;
}

struct retry_policy retry_with(const struct retry_policy *policy, const struct retry_own *own)
{
    struct retry_policy with = *policy;
    if (own->attempts > 0)
        with.attempts = own->attempts;
    if (own->first_ms > 0)
        with.first_ms = own->first_ms;
    if (own->factor > 0)
        with.factor = (double)own->factor;
    if (own->max_ms > 0)
        with.max_ms = own->max_ms;
    if (own->first_ms > 0 && with.max_ms < with.first_ms)
        with.max_ms = with.first_ms;
    else if (with.first_ms > with.max_ms)
        with.first_ms = with.max_ms;
    return with;
}

void retry_most(struct retry_own *most, const struct retry_own *own)
{
    most->attempts = own->attempts > most->attempts ? own->attempts : most->attempts;
    most->first_ms = own->first_ms > most->first_ms ? own->first_ms : most->first_ms;
    most->max_ms = own->max_ms > most->max_ms ? own->max_ms : most->max_ms;
    most->factor = own->factor > most->factor ? own->factor : most->factor;
}

int64_t retry_pause_ms(const struct retry_policy *policy, unsigned attempt, uint64_t random)
{
    double pause = (double)policy->first_ms * power(policy->factor, attempt > 0 ? attempt - 1 : 0);
    /* The comparison is false also for "not a number" (0 times infinity). */
    int64_t middle = pause < (double)policy->max_ms ? (int64_t)pause : policy->max_ms;
    if (middle > INT64_MAX / 2)
        middle = INT64_MAX / 2;
    if (middle <= 0)
        return 0;
    int64_t lowest = middle - middle / 4;
    uint64_t choices = (uint64_t)(2 * (middle / 4)) + 1;
    return lowest + (int64_t)(random % choices);
}

bool retry_same(const struct retry_policy *a, const struct retry_policy *b)
{
    return a->attempts == b->attempts && a->first_ms == b->first_ms && a->max_ms == b->max_ms &&
           !(a->factor < b->factor) && !(a->factor > b->factor);
}

bool retry_exhausted(const struct retry_policy *policy, unsigned attempts)
{
    return policy->attempts > 0 && attempts >= policy->attempts;
}

bool breaker_allows(struct breaker *b, int64_t now_ms, bool *probe)
{
    *probe = b->state == BREAKER_OPEN && now_ms >= b->until_ms;
    if (*probe)
        b->state = BREAKER_PROBING;
    return *probe || b->state == BREAKER_CLOSED;
}

bool breaker_success(struct breaker *b)
{
    bool turned = b->state != BREAKER_CLOSED;
    *b = (struct breaker){.state = BREAKER_CLOSED};
    return turned;
}

static void leave_alone(struct breaker *b, int64_t pause_ms, const struct breaker_policy *policy, int64_t now_ms)
{
    b->state = BREAKER_OPEN;
    b->pause_ms = pause_ms < policy->max_ms ? pause_ms : policy->max_ms;
    b->until_ms = now_ms + b->pause_ms;
}

bool breaker_failure(struct breaker *b, const struct breaker_policy *policy, int64_t now_ms)
{
    if (b->in_a_row < UINT32_MAX)
        b->in_a_row++;
    switch (b->state) {
    case BREAKER_CLOSED:
        if (policy->failures <= 0 || b->in_a_row < policy->failures)
            return false;
        b->since_ms = now_ms;
        leave_alone(b, policy->pause_ms, policy, now_ms);
        return true;
    case BREAKER_PROBING:
        leave_alone(b, b->pause_ms > INT64_MAX / 2 ? INT64_MAX : 2 * b->pause_ms, policy, now_ms);
        return false;
    case BREAKER_OPEN:
        /* A delivery that was under way when it opened: it says nothing new. */
        return false;
    }
    return false;
}

void breaker_undecided(struct breaker *b, int64_t until_ms)
{
    if (b->state != BREAKER_PROBING)
        return;
    b->state = BREAKER_OPEN;
    b->until_ms = until_ms;
}

const char *breaker_word(enum breaker_state s)
{
    static const char *const words[] = {"closed", "open", "probing"};
    return (size_t)s < sizeof words / sizeof words[0] ? words[s] : "unknown";
}
