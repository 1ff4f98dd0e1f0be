/* manual_routes.c: routes.ini(5), from the tables of its keys and the sample that is shipped. */
#include <string.h>

#include "shunt/base/embedded.h"
#include "shunt/cli/cli.h"

#include "manual.h"
#include "roff.h"

extern const struct embedded sample_files[]; /* etc/routes.ini alone */

static void put_key(struct str *out, const struct routes_key *key)
{
    struct str text = STR_INIT;
    if (key->words) {
        for (size_t i = 0; key->words[i]; i++)
            str_printf(&text, "%s`%s`", i > 0 ? ", " : "", key->words[i]);
    } else {
        str_puts(&text, key->values);
    }
    if (key->default_text)
        str_printf(&text, ". Default: %s.", key->default_text);
    else
        str_puts(&text, ". It must be given.");
    roff_key(out, key->name, key->help, text.bytes);
    str_part_fini(&text, out);
}

static void put_description(struct str *out)
{
    roff_section(out, "DESCRIPTION");
    roff_text(
        out,
        "Says which tickets go where. A section `[destination NAME]` is a place, a section `[route NAME]` says which "
        "tickets go to which places. Every route whose conditions all hold adds its destinations, and each "
        "destination gets a ticket once. The order of the sections does not matter. Every valid ticket is archived, "
        "whatever stands here; a ticket that no route matches is archived only.");
    roff_paragraph(
        out, "Keys stand below their section, one a line, as `key = value`. Comments stand on lines of their own "
             "and begin with `;` or `#`. `shunt check` tells mistakes with their line and prints the whole table; "
             "`shunt explain` `FILE` says which routes a ticket matches and why.");
    roff_paragraph(out,
                   "The service reads the file again on the signal HUP. It is checked whole and taken whole: where "
                   "anything is wrong, the table in force stays, and every mistake is logged.");
}

static void put_conditions(struct str *out)
{
    roff_section(out, "CONDITIONS");
    roff_text(
        out,
        "A condition names a field and the values for which it holds, separated by commas: one of them must be the "
        "field's value. Upper and lower case differ. `*` stands for any text, also none: `ACME-*` is every value "
        "that begins so, `*` alone every value. A value that has a comma in it is written with `*` in its place. "
        "A field that is missing, or is an object or an array, matches nothing, not even `*`.");
    roff_paragraph(
        out, "Besides the keys above any field of the document can be named by its JSON Pointer (RFC 6901): the "
             "names on the way to it, each behind a `/`. An element of an array is named by its number, from 0. In "
             "a name `~1` stands for `/`, and `~0` for `~`.");
    roff_example(out, "/JobSpecification/JobDetails/Priority = high\n/Pages/0/Format = A4, A5\n");
    struct str limits = STR_INIT;
    str_printf(&limits, "A file may name %d such fields, %d destinations and %d routes.",
               POINTERS_MAX - FIELD_BUILTIN_COUNT, ROUTES_DESTINATIONS_MAX, ROUTES_MAX);
    roff_paragraph(out, limits.bytes);
    str_part_fini(&limits, out);
}

void manual_routes(struct str *out)
{
    roff_title(out, "routes.ini", 5, "routing table of shunt");
    roff_section(out, "SYNOPSIS");
    str_puts(out, ".I /etc/shunt/routes.ini\n");
    put_description(out);
    roff_section(out, "DESTINATIONS");
    roff_text(
        out, "NAME is of letters, digits, `.`, `_` and `-`, at most 64. `archive` and `failed` are the service's own.");
    for (const struct routes_key *key = routes_destination_keys; key->name; key++)
        put_key(out, key);
    roff_section(out, "ROUTES");
    roff_text(out, "A route needs at least one condition; `client = *` takes every ticket.");
    for (const struct routes_key *key = routes_route_keys; key->name; key++)
        put_key(out, key);
    put_conditions(out);
    roff_section(out, "FILES");
    roff_item(out, "/etc/shunt/routes.ini", NULL, "Beside shunt.ini(5), where `[folders] routes` names no other file.");
    roff_section(out, "EXAMPLES");
    roff_text(out, "The table that is shipped as a sample:");
    const char *sample = sample_files[0].bytes, *first = strstr(sample, "\n[");
    roff_example(out, first ? first + 1 : sample);
    roff_section(out, "SEE ALSO");
    str_puts(out, ".BR shunt (1),\n.BR shunt.ini (5)\n");
}
