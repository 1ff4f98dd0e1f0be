/* report_make.h: a day's report from the store, and as what is asked for. Used by the service at midnight, by the API and by
 * `shunt report`.
 *
 * Templates: report.html and report.txt of [report] templates, else those of the program. Blocking. Thread: any; nothing is
 * kept. */
#ifndef SHUNT_SERVICE_REPORT_MAKE_H
#define SHUNT_SERVICE_REPORT_MAKE_H

#include "shunt/base/str.h"
#include "shunt/service/config.h"
#include "shunt/store/store.h"

/* Bytes in a mail, which so stays below 100,000: what is larger some mail services cut. Rows are left out until it fits. */
#define REPORT_HTML_MAX (74 * 1000)
#define REPORT_TEXT_MAX (24 * 1000)

enum report_format { REPORT_JSON, REPORT_HTML, REPORT_TEXT };
extern const char *const report_formats[]; /* "json", "html", "text", NULL */

struct report_order {
    int day;                /* yyyymmdd */
    const json_t *snapshot; /* of the running service, borrowed; NULL: none runs */
    unsigned instance;      /* whose it is */
    int64_t now_ms;
    bool late;
    bool anew;      /* also where one was made of that day */
    bool uncounted; /* also of a day of which nothing is kept */
};
/* The document (report.h): the one that was made when the day was over, else a new one of the statistics that there are. ERR_GONE:
 * nothing is kept of the day. store: NULL: there is none yet. */
int report_make(struct store *store, const struct report_order *order, json_t **report, struct error *e);

/* Appends to out. ERR_SYNTAX: a template of the folder is at fault, or another code where it cannot be read. own: by the
 * program's own templates. */
int report_render(const struct config *c, const json_t *report, enum report_format format, bool own, struct str *out,
                  struct error *e);

/* [report] templates are read and rendered, so that a fault shows before midnight. */
void report_check_templates(const struct config *c, struct faults *faults);

#endif
