/* filter.h: which jobs, from the command line to the store, or to the service as a query or a document. */
#ifndef SHUNT_CLI_FILTER_H
#define SHUNT_CLI_FILTER_H

#include "shunt/base/str.h"
#include "shunt/cli/cli.h"
#include "shunt/store/store.h"

#define FILTER_ALL      SIZE_MAX /* as limit */
#define FILTER_PAGE_MAX 1000     /* jobs in one answer */

/* limit: as asked, or `limit`. What is set points into cli. ERR_USAGE. */
int filter_read(const struct cli *cli, int64_t now_ms, size_t limit, struct store_filter *out, struct error *e);
/* "status=failed&client=3M%20X&limit=50", at most a page. */
void filter_query(const struct store_filter *filter, struct str *out);
/* What is asked for, as `retry` sends it, without status, place and limit. NULL: no memory, or what is no UTF-8. */
json_t *filter_document(const struct store_filter *filter);
/* Encoded as one part of a path or a query (RFC 3986). */
void url_part(struct str *out, const char *text);

#define FILTER_OPTIONS_OF_A_JOB                                                                                        \
    OPTION_CLIENT("of this client, as it is routed"), OPTION_TEXT("category", category, "NAME", "of this category"),   \
        OPTION_TEXT("destination", destination, "NAME", "that go to this destination, as `routes.ini` names it"),      \
        OPTION_TEXT("error", error, "TEXT", "with this in their error"),                                               \
        OPTION_TEXT("text", text, "TEXT", "with this in their name, title, id or error"),                              \
        OPTION_TEXT(                                                                                                   \
            "since", since, "TIME",                                                                                    \
            "created from then on: a day as 2026-02-06, a time as 2026-02-06T15:30:00Z, or an age as 2h or 3d"),       \
        OPTION_TEXT("until", until, "TIME", "created before then; a day is meant with its end")

#endif
