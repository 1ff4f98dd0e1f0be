/* take.h: one look at a batch of files: are they whole, what do they say, where do they go; the whole ones are claimed.
 *
 * Happy way of an item: open without following links -> ask the kernel for writers -> read, hash and parse in one pass
 * -> nothing changed meanwhile -> claim by rename into underprocess -> check the fields -> match the routes. Read
 * before the claim, because what is not whole must stay where its writer finds it. A claimed file may turn out to be
 * another than the one that was read (its producer renamed a newer one over it between our look and our claim): then
 * the claimed one is looked at where it lies now.
 *
 * Runs in a work request; pure: it reads the paths and settings of the immutable config, and the routes for which the
 * batch holds a reference. Ownership: the batch's owner frees it with take_item_fini for each item; what a claimed item
 * holds is moved into the job.
 */
#ifndef SHUNT_SERVICE_TAKE_H
#define SHUNT_SERVICE_TAKE_H

#include "shunt/base/clock.h"
#include "shunt/core/name.h"
#include "shunt/core/readiness.h"
#include "shunt/io/source.h"
#include "shunt/io/work.h"
#include "shunt/service/config.h"

#define TAKE_KEEP_MAX (16 * 1024) /* tickets up to this size are kept in memory until they are delivered */

enum taken {
    TAKEN_CLAIMED,  /* in underprocess now, a job can begin; `invalid` says whether it only can fail */
    TAKEN_WAIT,     /* not whole, or could not be looked at: again after pause_ms */
    TAKEN_BUSY,     /* an older ticket of that name is still in underprocess */
    TAKEN_GONE,     /* not there any more, or nothing that we take */
    TAKEN_BARRED,   /* not looked at, or not claimed: nothing can be moved into underprocess (the batch's `barred`) */
    TAKEN_PUT_BACK, /* it lay in underprocess and is nothing that we take: in hot again, `error` says as what */
};

struct take_item {
    /* in */
    const char *client; /* its folder below hot; "" right in hot */
    const char *name;
    enum name_kind kind;
    bool claimed;               /* in: lies in underprocess already. out: does now */
    bool suspect;               /* alone in its batch, and on trial (trial.h) */
    struct readiness readiness; /* in and out, with what the last look found: */
    enum wholeness whole;
    /* out */
    bool left; /* it lay in underprocess when the look began: an earlier try may have been cut off */
    enum taken taken;
    int64_t pause_ms;
    bool invalid;
    struct error error;   /* why invalid, or why it could not be looked at */
    struct source source; /* CLAIMED: still open, with its lease where there is one */
    struct source_content content;
    struct ticket ticket; /* the fields; FIELD_CLIENT is the client it is routed as */
    char *declared;       /* ClientCode as in the document; NULL: none */
    size_t *destinations; /* in the table of the batch */
    size_t n_destinations;
    struct retry_own retry; /* as the routes that match say; 0: as each destination has it */
};
void take_item_fini(struct take_item *item);

struct take_batch {
    struct work work;
    const struct config *config;
    const struct clock *clock;
    const char *underprocess; /* this instance's folder */
    struct routes *routes;
    const struct trial *poison; /* what was on trial when an earlier run crashed: not to be read again */
    struct take_item *items;
    size_t count;
    struct error barred; /* out: why nothing can be claimed for now, whatever it is; code 0: it can */
};

void take_run(struct take_batch *batch);

#endif
