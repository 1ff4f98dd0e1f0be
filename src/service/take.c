/* take.c: see take.h. The steps of one look, in order; each returns where the look ends. */
#include "shunt/service/take.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/core/ticket.h"
#include "shunt/service/judge.h"
#include "shunt/service/trial.h"

#define TROUBLE_PAUSE_MS 1000 /* after a look that failed for want of memory, descriptors, or by an I/O error */
#define SWAPPED_MAX      3    /* how often a look is begun anew because the claimed file was another one */
#define PUT_BACK_MAX     100  /* names that are tried for what is put back */

/* Folders that a batch works in, opened once for a run of items of the same client. */
struct folders {
    struct take_batch *batch;
    const char *client;
    int hot_root, under_root;
    int hot, under; /* of client; the roots themselves for "" */
    int hot_code;   /* why hot is not open */
};

static void close_client(struct folders *f)
{
    if (f->hot >= 0 && f->hot != f->hot_root)
        close(f->hot);
    if (f->under >= 0 && f->under != f->under_root)
        close(f->under);
    f->hot = f->under = -1;
    f->client = NULL;
}

static int enter_client(struct folders *f, const char *client, struct error *e)
{
    if (f->client && strcmp(f->client, client) == 0)
        return 0;
    close_client(f);
    if (client[0] == '\0') {
        f->hot = f->hot_root;
        f->hot_code = f->hot_root < 0 ? ERR_NOPLACE : 0;
        f->under = f->under_root;
    } else {
        struct error ignored = {0};
        f->hot = f->hot_root < 0 ? -1 : files_open_below(f->hot_root, client, false, 0, false, &ignored);
        f->hot_code = f->hot >= 0 ? 0 : f->hot_root < 0 ? ERR_NOPLACE : f->hot;
        f->under = files_open_below(f->under_root, client, true, f->batch->config->settings->folder_mode, false, e);
        if (f->under < 0)
            return error_context(e, "%s", f->batch->underprocess);
    }
    f->client = client;
    return 0;
}

static int64_t now_ms(const struct take_batch *batch)
{
    return batch->clock->mono_ms(batch->clock);
}

static enum verdict look(const struct take_batch *batch, struct take_item *item, const struct file_print *print,
                         enum writer writer, enum wholeness whole)
{
    const struct settings *s = batch->config->settings;
    /* Nothing but time tells whether a file without a grammar is whole. */
    struct readiness_rules rules = {.settle_ms = s->settle_ms,
                                    .settle_complete_ms =
                                        item->kind == NAME_TICKET ? s->settle_complete_ms : s->settle_ms};
    item->whole = whole;
    return readiness_look(&item->readiness, &rules, print, writer, whole, now_ms(batch), &item->pause_ms);
}

static void wait_for(struct take_item *item, int64_t pause_ms)
{
    item->taken = TAKEN_WAIT;
    item->pause_ms = pause_ms;
}

/* Reads the whole file. 0: *whole is known, and the error where it is not complete. Else why it could not be read. */
static int read_whole(const struct take_batch *batch, struct take_item *item, enum wholeness *whole)
{
    const struct settings *s = batch->config->settings;
    struct ticket_parser *parser = NULL;
    source_content_fini(&item->content);
    ticket_fini(&item->ticket);
    error_clear(&item->error);
    if (item->kind == NAME_TICKET) {
        struct ticket_limits limits = {.max_bytes = s->max_ticket_bytes, .max_depth = s->max_depth};
        parser = ticket_parser_new(batch->routes->pointers, limits);
        if (!parser)
            return error_set(&item->error, ERR_NOMEM, "out of memory");
    }
    int rc =
        source_read(&item->source, parser, (uint64_t)s->max_ticket_bytes, TAKE_KEEP_MAX, &item->content, &item->error);
    if (rc == 0 && parser)
        rc = ticket_parser_finish(parser, &item->ticket, &item->error);
    ticket_parser_free(parser);
    *whole = rc == 0 ? WHOLE_COMPLETE : rc == ERR_INCOMPLETE ? WHOLE_INCOMPLETE : WHOLE_BROKEN;
    if (rc == 0 || rc == ERR_INCOMPLETE || error_class_of(rc) == CLASS_INVALID)
        return 0;
    return rc;
}

/* What cannot be opened for reading is treated as broken: its producer may still mend its mode. */
static enum verdict look_unreadable(const struct take_batch *batch, struct take_item *item, int folder)
{
    struct stat st;
    if (fstatat(folder, item->name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
        item->taken = TAKEN_GONE;
        return VERDICT_WAIT;
    }
    struct file_print print = file_print_of(&st);
    enum verdict verdict = look(batch, item, &print, WRITER_UNKNOWN, WHOLE_BROKEN);
    if (verdict == VERDICT_WAIT)
        wait_for(item, item->pause_ms);
    return verdict;
}

static enum verdict look_trouble(struct take_item *item, int code)
{
    if (code == ERR_GONE || code == ERR_NOT_OURS)
        item->taken = TAKEN_GONE;
    else
        wait_for(item, code == ERR_CHANGED ? 1 : TROUBLE_PAUSE_MS);
    return VERDICT_WAIT;
}

/* VERDICT_WAIT: the look ends here, item->taken is set. */
static enum verdict look_at(const struct take_batch *batch, struct take_item *item, int folder)
{
    struct readiness before = item->readiness;
    struct source *source = &item->source;
    error_clear(&item->error);
    int rc = source_open(source, folder, item->name, &item->error);
    if (rc == ERR_UNREADABLE)
        return look_unreadable(batch, item, folder);
    if (rc != 0)
        return look_trouble(item, rc);
    source_ask_writer(source);
    enum verdict verdict = VERDICT_WAIT;
    bool known = before.seen && item->whole != WHOLE_COMPLETE && file_print_same(&before.last, &source->print);
    if (source->writer == WRITER_PRESENT) {
        verdict = look(batch, item, &source->print, WRITER_PRESENT, WHOLE_INCOMPLETE);
        item->whole = WHOLE_COMPLETE; /* it was not read: when the writer lets go, it is, at once */
    } else if (known) {               /* nothing changed since it was not whole: read it again only for the last word */
        verdict = look(batch, item, &source->print, source->writer, item->whole);
    }
    if ((source->writer != WRITER_PRESENT && !known) || verdict == VERDICT_INVALID) {
        enum wholeness whole = WHOLE_BROKEN;
        rc = read_whole(batch, item, &whole);
        if (rc == 0)
            rc = source_look(source, &item->error);
        if (rc != 0) {
            source_close(source);
            return look_trouble(item, rc);
        }
        item->readiness = before;
        verdict = look(batch, item, &source->print, source->writer, whole);
    }
    if (verdict == VERDICT_WAIT) {
        source_close(source);
        wait_for(item, item->pause_ms);
    }
    return verdict;
}

static void bar(struct take_item *item)
{
    error_clear(&item->error); /* it is the batch's */
    item->taken = TAKEN_BARRED;
}

/* True where the file now lies in underprocess. */
static bool claim(struct take_item *item, struct folders *f)
{
    int errnum = files_rename_new(f->hot, item->name, f->under, item->name);
    if (errnum == 0) {
        item->claimed = true;
        return true;
    }
    source_close(&item->source);
    if (errnum == EEXIST)
        item->taken = TAKEN_BUSY;
    else if (errnum == ENOENT)
        item->taken = TAKEN_GONE;
    else {
        error_clear(&item->error);
        error_errno(&item->error, errnum, "%s/%s cannot be moved into %s", f->client, item->name,
                    f->batch->underprocess);
        wait_for(item, TROUBLE_PAUSE_MS);
        if (errnum == EROFS) { /* and so it will be to all others */
            f->batch->barred = item->error;
            bar(item);
        }
    }
    return false;
}

/* Is what we claimed what we read? The rename changed its ctime and nothing else. */
static bool is_what_we_read(struct take_item *item, const struct folders *f)
{
    struct stat st;
    if (item->source.fd < 0) /* unreadable: nothing was read */
        return true;
    struct file_print was = item->source.print;
    if (fstatat(f->under, item->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    struct file_print now = file_print_of(&st);
    was.ctime_ns = now.ctime_ns;
    if (!file_print_same(&now, &was))
        return false;
    item->source.print = now;
    return true;
}

static int match(const struct take_batch *batch, struct take_item *item, size_t *scratch)
{
    size_t n = routes_match(batch->routes, &item->ticket, scratch);
    if (n > 0) {
        item->destinations = mem_alloc(n * sizeof *scratch);
        if (!item->destinations)
            return ERR_NOMEM;
        memcpy(item->destinations, scratch, n * sizeof *scratch);
    }
    item->n_destinations = n;
    item->retry = routes_retry(batch->routes, &item->ticket);
    return 0;
}

static void conclude(const struct take_batch *batch, struct take_item *item, enum verdict verdict, size_t *scratch)
{
    item->taken = TAKEN_CLAIMED;
    item->invalid = verdict == VERDICT_INVALID;
    if (item->invalid)
        return;
    int rc = judge(batch->config, batch->routes, item->kind, item->client, item->name, &item->ticket, &item->declared,
                   &item->error);
    if (rc == 0)
        rc = match(batch, item, scratch);
    if (rc == 0)
        return;
    item->invalid = error_class_of(rc) == CLASS_INVALID;
    if (item->invalid)
        return;
    source_close(&item->source); /* no memory: looked at again where it lies now */
    wait_for(item, TROUBLE_PAUSE_MS);
}

/* What lies in underprocess and is nothing that we take (a link, a folder) was put in the place of the file that was
 * read, or by hand. It would block its name for ever: it goes back where it came from, beside what has its name now. */
static void put_back(struct take_item *item, const struct folders *f)
{
    char as[NAME_SIZE];
    snprintf(as, sizeof as, "%s", item->name);
    int errnum = files_rename_new(f->under, item->name, f->hot, as);
    for (unsigned copy = 0; errnum == EEXIST && copy < PUT_BACK_MAX; copy++) {
        name_beside(item->name, "not a file", copy == 0 ? 0 : copy + 1, as);
        errnum = files_rename_new(f->under, item->name, f->hot, as);
    }
    if (errnum == ENOENT) /* gone, by now */
        return;
    error_clear(&item->error);
    if (errnum != 0) {
        error_errno(&item->error, errnum, "%s/%s is no regular file and cannot be put back into %s", f->client,
                    item->name, f->batch->config->hot);
        wait_for(item, TROUBLE_PAUSE_MS);
        return;
    }
    error_set(&item->error, ERR_NOT_OURS, "a link, folder or device is left alone; it is %s/%s now", f->client, as);
    item->claimed = false;
    item->taken = TAKEN_PUT_BACK;
}

/* Notes that the ticket is on trial. True where it has failed it, and is not even opened again. */
static bool failed_trial(const struct folders *f, struct take_item *item)
{
    struct stat st;
    if (fstatat(f->under, item->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!trial_is(f->batch->poison, st.st_ino, item->client, item->name)) {
        struct trial trial = {.inode = st.st_ino};
        stpcpy(stpcpy(stpcpy(trial.key, item->client), "/"), item->name);
        trial_note(f->under_root, &trial);
        return false;
    }
    item->readiness.last = file_print_of(&st);
    item->taken = TAKEN_CLAIMED;
    item->invalid = true;
    error_clear(&item->error);
    error_set(
        &item->error, ERR_POISON,
        "shunt crashed twice while this ticket was in work, the second time while it was the only one; \"[intake] "
        "poison = retry\" would take it up like any other");
    return true;
}

static void take_one(struct folders *f, struct take_item *item, size_t *scratch)
{
    if (item->suspect && failed_trial(f, item))
        return;
    for (unsigned swapped = 0; swapped < SWAPPED_MAX; swapped++) {
        int folder = item->claimed ? f->under : f->hot;
        if (folder < 0) {
            look_trouble(item, f->hot_code == ERR_NOPLACE || f->hot_code == ERR_NOT_OURS ? ERR_GONE : ERR_IO);
            return;
        }
        enum verdict verdict = look_at(f->batch, item, folder);
        if (verdict == VERDICT_WAIT) {
            if (item->claimed && item->taken == TAKEN_GONE)
                put_back(item, f);
            return;
        }
        bool moved = !item->claimed;
        if (moved && !claim(item, f))
            return;
        if (!moved || is_what_we_read(item, f)) {
            conclude(f->batch, item, verdict, scratch);
            return;
        }
        source_close(&item->source);
        item->readiness = (struct readiness){0};
    }
    wait_for(item, 1);
}

void take_run(struct take_batch *batch)
{
    struct error e = {0};
    struct folders f = {.batch = batch, .hot = -1, .under = -1};
    error_clear(&batch->barred);
    f.hot_root = files_open_folder(batch->config->hot, &e);
    f.under_root = files_open_folder(batch->underprocess, &batch->barred);
    size_t *scratch = mem_alloc((batch->routes->n_destinations + 1) * sizeof *scratch);
    for (size_t i = 0; i < batch->count; i++) {
        struct take_item *item = &batch->items[i];
        error_clear(&e);
        item->source.fd = -1;
        item->left = item->claimed;
        if (batch->barred.code != 0 && !(item->claimed && f.under_root >= 0)) {
            bar(item);
            continue;
        }
        int rc = scratch ? enter_client(&f, item->client, &e) : error_set(&e, ERR_NOMEM, "out of memory");
        if (rc == 0) {
            take_one(&f, item, scratch);
        } else if (rc == ERR_READONLY) {
            batch->barred = e;
            bar(item);
        } else {
            item->error = e;
            wait_for(item, TROUBLE_PAUSE_MS);
        }
    }
    close_client(&f);
    if (f.hot_root >= 0)
        close(f.hot_root);
    if (f.under_root >= 0)
        close(f.under_root);
    mem_free(scratch);
}

void take_item_fini(struct take_item *item)
{
    source_close(&item->source);
    source_content_fini(&item->content);
    ticket_fini(&item->ticket);
    mem_free(item->declared);
    mem_free(item->destinations);
    item->declared = NULL;
    item->destinations = NULL;
}
