/* filter.c: see filter.h. */
#include "shunt/cli/filter.h"

#include <inttypes.h>
#include <string.h>

#include "shunt/core/near.h"
#include "shunt/core/units.h"
#include "shunt/core/when.h"

static int not_a_status(const char *word, size_t len, struct error *e)
{
    char text[NEAR_WORD_MAX] = "";
    memcpy(text, word, len < sizeof text ? len : sizeof text - 1);
    struct near near = near_to(text);
    for (unsigned i = 0; i < JOB_STATUSES; i++)
        near_offer(&near, job_status_word((enum job_status)i));
    return error_set(e, ERR_USAGE, "--status is pending, processing, completed, failed or cancelled, not %s%s%s%s",
                     text, near.best ? "; did you mean " : "", near.best ? near.best : "", near.best ? "?" : "");
}

/* "failed,cancelled" */
static int read_statuses(const char *text, unsigned *out, struct error *e)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        char word[16] = "";
        enum job_status status;
        if (len < sizeof word)
            memcpy(word, text, len);
        if (len >= sizeof word || !job_status_from(word, &status))
            return not_a_status(text, len, e);
        *out |= 1u << status;
        if (text[len] == '\0')
            return 0;
        text += len + 1;
    }
}

static int read_limit(const char *text, size_t *out, struct error *e)
{
    int64_t n;
    struct error why = {0};
    if (strcmp(text, "all") == 0) {
        *out = FILTER_ALL;
        return 0;
    }
    if (units_count(text, 1, INT32_MAX, &n, &why) != 0)
        return error_set(e, ERR_USAGE, "--limit is a number from 1 on, or all, not %.40s", text);
    *out = (size_t)n;
    return 0;
}

/* A day as the end is meant with it. */
static int read_when(const char *option, const char *text, int64_t now_ms, bool end, int64_t *out, struct error *e)
{
    int rc = text ? when_parse(text, now_ms, end, out, e) : 0;
    return rc ? error_context(e, "%s", option) : 0;
}

int filter_read(const struct cli *cli, int64_t now_ms, size_t limit, struct store_filter *out, struct error *e)
{
    *out = (struct store_filter){.client = cli->client,
                                 .category = cli->category,
                                 .destination = cli->destination,
                                 .error = cli->error,
                                 .text = cli->text,
                                 .before = cli->before,
                                 .limit = limit};
    int rc = cli->status ? read_statuses(cli->status, &out->statuses, e) : 0;
    rc = rc ? rc : read_when("--since", cli->since, now_ms, false, &out->since_ms, e);
    rc = rc ? rc : read_when("--until", cli->until, now_ms, true, &out->until_ms, e);
    return rc || !cli->limit ? rc : read_limit(cli->limit, &out->limit, e);
}

void url_part(struct str *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     strchr("-._~", *p) != NULL;
        const char escaped[3] = {'%', hex[*p >> 4], hex[*p & 15]};
        if (plain)
            str_putc(out, (char)*p);
        else
            str_add(out, escaped, sizeof escaped);
    }
}

static void put_param(struct str *out, const char *name, const char *value)
{
    if (!value)
        return;
    str_printf(out, "%s%s=", out->len > 0 ? "&" : "", name);
    url_part(out, value);
}

static const char *stamp(int64_t ms, char out[WHEN_TEXT_MAX])
{
    if (ms == 0)
        return NULL;
    when_utc(ms, out);
    return out;
}

void filter_query(const struct store_filter *f, struct str *out)
{
    struct str query = STR_INIT, statuses = STR_INIT;
    char text[WHEN_TEXT_MAX];
    for (unsigned i = 0; i < JOB_STATUSES; i++)
        if (f->statuses & 1u << i)
            str_printf(&statuses, "%s%s", statuses.len > 0 ? "," : "", job_status_word((enum job_status)i));
    put_param(&query, "status", statuses.len > 0 ? statuses.bytes : NULL);
    put_param(&query, "client", f->client);
    put_param(&query, "category", f->category);
    put_param(&query, "destination", f->destination);
    put_param(&query, "error", f->error);
    put_param(&query, "text", f->text);
    put_param(&query, "since", stamp(f->since_ms, text));
    put_param(&query, "until", stamp(f->until_ms, text));
    put_param(&query, "before", f->before);
    str_printf(&query, "%slimit=%zu", query.len > 0 ? "&" : "",
               f->limit > FILTER_PAGE_MAX ? FILTER_PAGE_MAX : f->limit);
    str_add(out, query.bytes, query.len);
    str_part_fini(&query, out);
    str_part_fini(&statuses, out);
}

json_t *filter_document(const struct store_filter *f)
{
    char since[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX];
    return json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "client", f->client, "category", f->category,
                     "destination", f->destination, "error", f->error, "text", f->text, "since",
                     stamp(f->since_ms, since), "until", stamp(f->until_ms, until));
}
