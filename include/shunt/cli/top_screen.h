/* top_screen.h: what `shunt top` shows, as lines: no terminal is touched here. */
#ifndef SHUNT_CLI_TOP_SCREEN_H
#define SHUNT_CLI_TOP_SCREEN_H

#include "shunt/cli/table.h"

struct top_view {
    const json_t *status; /* NULL: none yet */
    const char *trouble;  /* why the last question was not answered; NULL: it was */
    int64_t now_ms;
    double per_s; /* tickets that ended a second, lately; negative: not known yet */
    struct look look;
};

/* At most look.rows lines, none wider than look.columns, each with its line break but the last. */
void top_screen(const struct top_view *view, struct str *out);

#endif
