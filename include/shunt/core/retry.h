/* retry.h: how long to wait after an attempt, and when a destination is left alone. Pure arithmetic on the caller's
 * clock.
 *
 * Pauses: first * factor^(attempt-1), at most max, then drawn between 3/4 and 5/4 of it (so that many do not come at
 * once). Breaker (Nygard, Release It!): closed until `failures` in a row; then open, nothing is sent until the pause is
 * over; then one probe; its success closes it, its failure opens it again for twice as long, at most max.
 */
#ifndef SHUNT_CORE_RETRY_H
#define SHUNT_CORE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    int64_t attempts; /* tries in all; 0: without limit */
    int64_t first_ms, max_ms;
    double factor;
};
/* What a destination or a route says of its own; 0: nothing. Small: every ticket in hand has one. */
struct retry_own {
    uint32_t attempts, first_ms, max_ms;
    float factor;
};
/* The policy with it in its place. Where only one of first and max is its own, the other gives way. */
struct retry_policy retry_with(const struct retry_policy *policy, const struct retry_own *own);
void retry_most(struct retry_own *most, const struct retry_own *own); /* of each the larger one */

/* attempt: how many have failed (1...). random: any 64 bits. */
int64_t retry_pause_ms(const struct retry_policy *policy, unsigned attempt, uint64_t random);
bool retry_same(const struct retry_policy *a, const struct retry_policy *b);
bool retry_exhausted(const struct retry_policy *policy, unsigned attempts);

struct breaker_policy {
    int64_t failures; /* 0: it never opens */
    int64_t pause_ms, max_ms;
};
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING };
struct breaker { /* zeroed: closed */
    enum breaker_state state;
    unsigned in_a_row;
    int64_t pause_ms;
    int64_t until_ms; /* OPEN: mono time of the next probe */
    int64_t since_ms; /* when it last opened from closed */
};
/* May a delivery start now? *probe says that it is the single one that tests the place (state is PROBING from then on).
 */
bool breaker_allows(struct breaker *b, int64_t now_ms, bool *probe);
/* Both return true where the state turned between closed and not closed: the moment to log. */
bool breaker_success(struct breaker *b);
bool breaker_failure(struct breaker *b, const struct breaker_policy *policy, int64_t now_ms);
/* The probe ended without telling anything about the place (we ran out of memory, the ticket is gone): the next probe
 * is at until_ms. Every probe is answered by one of the three, else the breaker stays PROBING. */
void breaker_undecided(struct breaker *b, int64_t until_ms);
const char *breaker_word(enum breaker_state s); /* "closed", "open", "probing" */

#endif
