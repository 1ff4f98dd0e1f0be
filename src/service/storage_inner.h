/* storage_inner.h: what storage.c (the loop) hands to storage_run.c (a worker), which has it alone meanwhile. */
#ifndef SHUNT_SERVICE_STORAGE_INNER_H
#define SHUNT_SERVICE_STORAGE_INNER_H

#include "shunt/io/work.h"
#include "shunt/service/question.h"
#include "shunt/service/storage.h"

struct storage_request {
    struct work work;
    struct storage *st;
    struct store *store; /* the storage's, ours while in work */
    const char *url, *base;
    enum store_mode mode;
    unsigned instance;
    struct record *records; /* as many as rows */
    struct question *questions;
    json_t *snapshot;
    struct errand *errands;
    struct storage_note *notes, *unwritten;
    struct store_retention retention;
    bool retain;
    bool more_to_retain;
    uint64_t began_ns;
    struct error error;    /* of the records */
    struct error other;    /* of the rest */
    struct error replaced; /* the damaged one that was set aside */
    size_t count;
    struct store_job rows[];
};

void storage_run(struct work *work);

#endif
