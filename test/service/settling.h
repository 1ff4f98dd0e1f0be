/* settling.h: jobs whose deliveries are over, on a real file system: the last act is theirs. */
#ifndef SHUNT_TEST_SETTLING_H
#define SHUNT_TEST_SETTLING_H

#include "parts.h"

#define SETTINGS "[delivery]\ndurability = none\n"

static inline void settle_now(struct parts *p)
{
    settle_pump(&p->settle);
    while (!settle_idle(&p->settle)) {
        uv_run(&p->loop, UV_RUN_ONCE);
        settle_pump(&p->settle);
    }
}

static inline void assert_balanced(struct parts *p)
{
    int64_t difference;
    assert_true(ledger_balances(&p->rt.ledger, &difference));
}

/* Begins hot/RANK/name with this text. */
static inline struct job *begin_text(struct parts *p, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "hot/RANK/%s", name);
    put(in(p->s, path), text);
    /* What is broken is invalid only after it kept still. */
    struct take_item item = ticket_item(name);
    struct take_batch batch = batch_of(p, &item);
    take_run(&batch);
    while (item.taken == TAKEN_WAIT) {
        clock_virtual_advance(&p->clock, item.pause_ms);
        take_item_fini(&item);
        item.source.fd = -1;
        take_run(&batch);
    }
    assert_int_equal(item.taken, TAKEN_CLAIMED);
    assert_int_equal(jobs_begin(&p->jobs, &item, p->rt.routes, WAY_REALTIME, 1, false), 0);
    take_item_fini(&item);
    struct job *job = jobs_find(&p->jobs, "RANK", name);
    assert_non_null(job);
    return job;
}

/* The only entry of failed/RANK that does (or does not) end in .reason.txt; NULL: none. Good until the next call. */
static inline const char *failed_name(struct scratch *s, const char *folder, bool reason)
{
    static char name[300];
    DIR *dir = opendir(in(s, folder));
    name[0] = '\0';
    if (!dir)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && (strstr(entry->d_name, ".reason.txt") != NULL) == reason)
            snprintf(name, sizeof name, "%s", entry->d_name);
    closedir(dir);
    return name[0] ? name : NULL;
}

static inline const char *failed_text(struct scratch *s, bool reason)
{
    char path[400];
    const char *name = failed_name(s, "failed/RANK", reason);
    assert_non_null(name);
    snprintf(path, sizeof path, "failed/RANK/%s", name);
    return get(in(s, path));
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
