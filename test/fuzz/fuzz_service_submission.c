/* Any bytes as jobs that are sent: each is refused with a reason, or has a record whose names may be used, an id, and a
 * ticket that is part of the body.
 * Input: one byte (its lowest bit: several; the next: with a key), then the body. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/core/name.h"

#include "../../src/service/submission.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char hot[] = "/tmp/shunt-fuzz-XXXXXX", rank[64];
static struct settings *settings;

static void remove_folders(void)
{
    rmdir(rank);
    rmdir(hot);
    settings_free(settings);
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* A hot folder with one client; no folder of files: what can be read there is no business of this. */
static void make_folders(void)
{
    static const char text[] = "[service]\ndata = .\n";
    const struct settings_source source = {.file = "shunt.ini", .text = text, .len = sizeof text - 1};
    struct faults faults;
    faults_init(&faults);
    settings = settings_new(&source, &faults);
    require(settings && mkdtemp(hot));
    snprintf(rank, sizeof rank, "%s/RANK", hot);
    require(mkdir(rank, 0700) == 0 && atexit(remove_folders) == 0);
    faults_fini(&faults);
}

static void check(const struct submission *s, const char *body, size_t len)
{
    require((s->error.code != 0) == (s->record == NULL));
    if (!s->record)
        return;
    const struct store_job *row = &s->record->row;
    require(s->bytes >= body && s->len <= len && (size_t)(s->bytes - body) <= len - s->len && s->bytes[0] == '{');
    require(name_check(row->name, strlen(row->name), NULL) == 0 && strcmp(row->folder, "RANK") == 0);
    require(strlen(row->id) == JOB_ID_SIZE - 1 && row->size == s->len && s->run_at_ms >= 0 && s->priority < PRIORITIES);
    require(submission_mark(row->events[0].text) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!settings)
        make_folders();
    if (size == 0)
        return 0;
    char *body = malloc(size); /* without its first byte, and a NUL, as the server gives it */
    const struct config config = {.settings = settings, .hot = hot, .data = hot};
    const struct submission_context context = {
        .config = &config, .clock = &clock_real, .spool = "scheduled", .key = data[0] & 2 ? "k" : NULL, .who = "fuzz"};
    struct submission *items = NULL;
    struct error e = {.code = 0};
    size_t count = 0;
    require(body != NULL);
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    int rc = submissions_read(&context, data[0] & 1, body, size - 1, &items, &count, &e);
    require(rc == e.code && count <= SUBMISSIONS_MAX && (rc == 0 || rc == ERR_USAGE || rc == ERR_SYNTAX));
    for (size_t i = 0; i < count; i++) {
        if (rc == 0)
            check(&items[i], body, size - 1);
        submission_fini(&items[i]);
    }
    mem_free(items);
    free(body);
    return 0;
}
