/* job.c: the state tables of jobs and deliveries, their words, and job ids. Nothing here can fail. */
#include "shunt/core/job.h"

#include <stddef.h>

#define BIT(state) (1u << (state))

/* The allowed successors of each state; a state without any is an end. */
static const unsigned job_successors[JOB_STATES] = {
    [JOB_TAKEN] = BIT(JOB_DELIVERING) | BIT(JOB_FAILING),
    [JOB_DELIVERING] = BIT(JOB_WAITING) | BIT(JOB_SETTLING) | BIT(JOB_FAILING),
    [JOB_WAITING] = BIT(JOB_DELIVERING) | BIT(JOB_SETTLING) | BIT(JOB_FAILING),
    [JOB_SETTLING] = BIT(JOB_DONE) | BIT(JOB_RETURNED),
    [JOB_FAILING] = BIT(JOB_FAILED) | BIT(JOB_RETURNED),
    [JOB_DONE] = 0,
    [JOB_FAILED] = 0,
    [JOB_RETURNED] = 0,
};

/* Queued goes to waiting where the destination's breaker is open, to done where an earlier run delivered it; waiting to
 * failed where the job is cancelled. */
static const unsigned delivery_successors[DELIVERY_STATES] = {
    [DELIVERY_QUEUED] = BIT(DELIVERY_ACTIVE) | BIT(DELIVERY_WAITING) | BIT(DELIVERY_DONE),
    [DELIVERY_ACTIVE] = BIT(DELIVERY_DONE) | BIT(DELIVERY_WAITING) | BIT(DELIVERY_FAILED),
    [DELIVERY_WAITING] = BIT(DELIVERY_QUEUED) | BIT(DELIVERY_FAILED),
    [DELIVERY_DONE] = 0,
    [DELIVERY_FAILED] = 0,
};

bool job_allows(enum job_state from, enum job_state to)
{
    return from < JOB_STATES && to < JOB_STATES && (job_successors[from] & BIT(to)) != 0;
}

bool delivery_has_ended(enum delivery_state s)
{
    return s == DELIVERY_DONE || s == DELIVERY_FAILED;
}

bool delivery_allows(enum delivery_state from, enum delivery_state to)
{
    return from < DELIVERY_STATES && to < DELIVERY_STATES && (delivery_successors[from] & BIT(to)) != 0;
}

const char *job_state_word(enum job_state s)
{
    static const char *const words[JOB_STATES] = {"taken",   "delivering", "waiting", "settling",
                                                  "failing", "done",       "failed",  "returned"};
    return s < JOB_STATES ? words[s] : "unknown";
}

const char *delivery_state_word(enum delivery_state s)
{
    static const char *const words[DELIVERY_STATES] = {"queued", "active", "waiting", "done", "failed"};
    return s < DELIVERY_STATES ? words[s] : "unknown";
}

const char *way_word(enum way w)
{
    static const char *const words[WAYS] = {"STARTUP", "REALTIME", "PERIODIC", "ONCE"};
    return w < WAYS ? words[w] : "UNKNOWN";
}

enum job_state job_state_of(const struct delivery_counts *counts)
{
    if (counts->of[DELIVERY_QUEUED] + counts->of[DELIVERY_ACTIVE] > 0)
        return JOB_DELIVERING;
    if (counts->of[DELIVERY_WAITING] > 0)
        return JOB_WAITING;
    return counts->of[DELIVERY_FAILED] > 0 ? JOB_FAILING : JOB_SETTLING;
}

static void write_id(uint8_t id[16], unsigned version, char *out)
{
    static const char digits[] = "0123456789abcdef";
    id[6] = (uint8_t)(version << 4 | (id[6] & 0x0f));
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f)); /* RFC 9562's variant */
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[id[i] >> 4];
        *out++ = digits[id[i] & 15];
    }
    *out = '\0';
}

void job_id_named(const uint8_t hash[16], char out[JOB_ID_SIZE])
{
    uint8_t id[16];
    for (int i = 0; i < 16; i++)
        id[i] = hash[i];
    write_id(id, 8, out);
}

void job_id_make(int64_t wall_ms, const uint8_t random[10], char out[JOB_ID_SIZE])
{
    uint8_t id[16];
    for (int i = 0; i < 6; i++)
        id[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
    for (int i = 6; i < 16; i++)
        id[i] = random[i - 6];
    write_id(id, 7, out);
}
