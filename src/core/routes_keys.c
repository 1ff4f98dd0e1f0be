/* routes_keys.c: the tables of every key of routes.ini. */
#include "shunt/core/routes.h"

static const char *const conflict_words[] = {"replace", "keep", "fail", NULL}; /* by enum conflict */

/* clang-format off */
const struct routes_key routes_destination_keys[] = {
    {"path", "path", NULL, NULL,
     "The folder. Relative: to `[service] data`. Spaces are fine, `..` is not. No two destinations have the same."},
    {"label", "text", NULL, "last part of path", "Its name in logs, statistics and reports."},
    {"driver", "`dir`", NULL, "dir", "How it is delivered: dir, into a folder."},
    {"mode", "octal mode", NULL, "[delivery] mode", "Permission bits of the files that are delivered."},
    {"owner", "name or number", NULL, "unchanged",
     "User that owns the files that are delivered. Needs the capability CHOWN."},
    {"group", "name or number", NULL, "unchanged", "Group of the files that are delivered."},
    {"conflict", NULL, conflict_words, "replace",
     "When the name is taken. replace: the same client's newer ticket replaces its older one, another client's is kept "
     "beside it; keep: what is there stays, the newcomer is put beside it; fail: the ticket fails."},
    {"concurrency", "number, 0 to 1024", NULL, "[delivery] concurrency", "Deliveries at once."},
    {"create", "yes or no", NULL, "yes", "Whether the folder is made where it is missing."},
    {"mount", "path", NULL, "none",
     "A folder that must be a mount point, else deliveries wait. Relative: to `[service] data`."},
    {"attempts", "number, 1 to 1000", NULL, "[retry] attempts", "Tries of a delivery, the first among them."},
    {"first", "time, 10ms to 1d", NULL, "[retry] first", "Pause after the first failed try."},
    {"factor", "number, 1 to 100", NULL, "[retry] factor", "Each further pause is so many times as long."},
    {"max", "time, 10ms to 7d", NULL, "[retry] max", "Longest pause."},
    {"alerts", "yes or no", NULL, "[alerts] attempts",
     "Whether each failed attempt is mailed, and a last mail with the command that puts the ticket back."},
    {.name = NULL},
};

const struct routes_key routes_route_keys[] = {
    [FIELD_CLIENT] = {"client", "list", NULL, "no condition", "Values of `JobSpecification.JobDetails.ClientCode`."},
    [FIELD_CATEGORY] = {"category", "list", NULL, "no condition",
                        "Values of `JobSpecification.JobDetails.JobCategory`."},
    [FIELD_STUDIO] = {"studio", "list", NULL, "no condition", "Values of `JobSpecification.JobDetails.StudioCode`."},
    [FIELD_TITLE] = {"title", "list", NULL, "no condition", "Values of `JobSpecification.JobDetails.Title`."},
    [ROUTES_KEY_TO] = {"to", "list", NULL, NULL, "The destinations, by the names of their sections."},
    {"attempts", "number, 1 to 1000", NULL, "the destination's attempts",
     "Tries of each delivery of a ticket that the route matches; where several routes say so, the most."},
    {"first", "time, 10ms to 1d", NULL, "the destination's first",
     "Pause after the first failed try; where several routes say so, the longest."},
    {"factor", "number, 1 to 100", NULL, "the destination's factor",
     "Each further pause is so many times as long; where several routes say so, the most."},
    {"max", "time, 10ms to 7d", NULL, "the destination's max",
     "Longest pause; where several routes say so, the longest."},
    {.name = NULL},
};
/* clang-format on */
