/* reason.c: what a person reads first when a ticket failed. */
#include "shunt/service/reason.h"

#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/core/name.h"
#include "shunt/service/delivery.h"
#include "shunt/service/jobs.h"

static void line(struct str *s, const char *label, const char *text)
{
    str_printf(s, "%-12s", label);
    str_plain(s, text, strlen(text));
    str_putc(s, '\n');
}

static void tell_delivery(struct str *s, const struct delivery *d, bool first)
{
    struct str text = STR_INIT;
    str_printf(&text, "%s: ", d->lane->label);
    if (d->state == DELIVERY_DONE)
        str_printf(&text, "delivered as %s", d->final_name ? d->final_name : d->job->name);
    else
        str_printf(&text, "%s after %u attempt%s: %s", delivery_state_word(d->state), d->attempts,
                   d->attempts == 1 ? "" : "s", delivery_error(d)->text);
    line(s, first ? "Deliveries" : "", text.bytes);
    str_fini(&text);
}

static void tell_head(struct str *s, const struct job *job, int64_t wall_ms)
{
    char stamp[CLOCK_RFC3339_MAX], hex[2 * SHA256_SIZE + 1];
    clock_rfc3339(wall_ms, stamp);
    line(s, "Ticket", job->name);
    line(s, "Client", job->client[0] ? job->client : "(none: it lay right in the hot folder)");
    if (job->title)
        line(s, "Title", job->title);
    line(s, "Failed", stamp);
    line(s, "Why", job->error.text);
    line(s, "Found", way_word(job->way));
    line(s, "Job", job->id);
    if (job_was_opened(job)) {
        files_hex(job->content.sha256, SHA256_SIZE, hex);
        str_printf(s, "%-12s%llu bytes, SHA-256 %s\n", "Content", (unsigned long long)job->content.size, hex);
    }
}

int reason_of(struct reason *r, const struct job *job, int64_t wall_ms)
{
    struct str head = STR_INIT, deliveries = STR_INIT;
    tell_head(&head, job, wall_ms);
    for (size_t i = 0; i < job->n_deliveries; i++)
        tell_delivery(&deliveries, &job->deliveries[i], i == 0);
    *r = (struct reason){.head = str_take(&head),
                         .deliveries = str_take(&deliveries),
                         .folder = mem_strdup(job->folder),
                         .name = mem_strdup(job->name)};
    memcpy(r->id, job->id, sizeof r->id);
    str_fini(&head);
    str_fini(&deliveries);
    if (r->head && r->deliveries && r->folder && r->name)
        return 0;
    reason_fini(r);
    return ERR_NOMEM;
}

void reason_fini(struct reason *r)
{
    mem_free(r->head);
    mem_free(r->deliveries);
    mem_free(r->folder);
    mem_free(r->name);
    *r = (struct reason){0};
}

void reason_text(const struct reason *r, const struct config *config, const char *failed_path, struct str *out)
{
    struct str origin = STR_INIT, back = STR_INIT;
    struct error ignored = {0};
    str_printf(&origin, "%s%s%s/%s", config->hot, r->folder[0] ? "/" : "", r->folder, r->name);
    bool good_name = name_check(r->name, strlen(r->name), &ignored) == 0;
    str_printf(&back, "%s/%s/%s", config->hot, r->folder[0] ? r->folder : "CLIENT",
               good_name ? r->name : "NEW-NAME.json");
    str_puts(out, r->head);
    line(out, "Came from", origin.bytes);
    line(out, "Is now", failed_path);
    str_puts(out, r->deliveries);
    str_printf(out,
               "\nTo try it again, mend the cause, then put it back: what was delivered is not delivered again.\n"
               "  shunt retry %s\n"
               "Or move it back by hand, which delivers it to all its destinations:\n  mv ",
               r->id);
    str_shell(out, failed_path);
    str_putc(out, ' ');
    str_shell(out, back.bytes);
    str_puts(out, "\n");
    str_fini(&origin);
    str_fini(&back);
}
