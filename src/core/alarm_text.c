/* alarm_text.c: see alarm_text.h. Items are first taken apart into what a reader sees, once for text and page alike. */
#include "shunt/core/alarm_text.h"

#include <string.h>

#include "shunt/base/clock.h"
#include "shunt/core/json_get.h"
#include "shunt/core/when.h"

#define SUBJECT_ITEMS 3 /* whose titles stand in the subject */

static bool is(const json_t *item, const char *what)
{
    return strcmp(json_text_of(item, "what"), what) == 0;
}

/* ---- headings ---- */

static void failed_heading(const json_t *item, struct str *out)
{
    int64_t count = json_number_of(item, "count");
    const json_t *group = json_array_get(json_object_get(item, "groups"), 0);
    if (count == 1 && group)
        str_printf(out, "Failed: %s (%s)", json_text_of(group, "name"), json_text_of(group, "client"));
    else
        str_printf(out, "%lld ticket%s failed", (long long)count, count == 1 ? "" : "s");
}

static void heading(const json_t *item, struct str *out)
{
    char span[WHEN_TEXT_MAX];
    if (is(item, "failed")) {
        failed_heading(item, out);
        return;
    }
    str_printf(out, "%s%s", is(item, "reminded") ? "Still: " : "", json_text_of(item, "title"));
    if (is(item, "recovered")) {
        when_span(json_number_of(item, "over_ms") - json_number_of(item, "since_ms"), span);
        str_printf(out, ", after %s", span);
    }
}

void alarm_subject(const json_t *mail, const struct alarm_words *words, struct str *out)
{
    const json_t *items = json_object_get(mail, "items");
    size_t n = json_array_size(items);
    str_printf(out, "[%s] ", words->brand);
    if (n > 1)
        str_printf(out, "%zu alerts: ", n);
    for (size_t i = 0; i < n && i < SUBJECT_ITEMS; i++) {
        str_puts(out, i > 0 ? "; " : "");
        heading(json_array_get(items, i), out);
    }
    if (n > SUBJECT_ITEMS)
        str_puts(out, " ...");
}

/* ---- parts ---- */

struct part {
    json_t *paragraphs, *rows, *commands;
    struct str heading, next;
    bool failed;
};

static void add(struct part *p, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) != 0)
        p->failed = true;
}

/* Takes what is in line. */
static void add_text(struct part *p, json_t *list, struct str *line)
{
    if (line->len > 0 || str_failed(line))
        add(p, list, str_failed(line) ? NULL : json_string(line->bytes));
    str_fini(line);
    *line = STR_INIT;
}

static void add_lines(struct part *p, json_t *list, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n > 0)
            add(p, list, json_stringn(text, n));
        text += n + (text[n] == '\n');
    }
}

static void incident_times(struct part *p, const json_t *item, const struct alarm_words *words)
{
    char since[CLOCK_STAMP_MAX], over[CLOCK_STAMP_MAX], span[WHEN_TEXT_MAX];
    int64_t since_ms = json_number_of(item, "since_ms"), over_ms = json_number_of(item, "over_ms");
    struct str line = STR_INIT;
    clock_plain(since_ms, since);
    if (is(item, "note")) {
        str_printf(&line, "At %s.", since);
    } else if (over_ms != 0) {
        clock_plain(over_ms, over);
        when_span(over_ms - since_ms, span);
        str_printf(&line, "From %s to %s: %s.", since, over, span);
    } else {
        when_span(words->now_ms - since_ms, span);
        str_printf(&line, "Since %s, for %s.", since, span);
    }
    if (json_number_of(item, "times") > 1)
        str_printf(&line, " It came and went: this was number %lld.", (long long)json_number_of(item, "times"));
    add_text(p, p->paragraphs, &line);
}

static void incident_part(struct part *p, const json_t *item, const struct alarm_words *words)
{
    add_lines(p, p->paragraphs, json_text_of(item, "text"));
    incident_times(p, item, words);
    str_puts(&p->next, json_text_of(item, "next"));
    add_lines(p, p->commands, json_text_of(item, "todo"));
    if (is(item, "permanent"))
        str_puts(&p->next, p->next.len > 0 ? " There is no further mail about it until it is over."
                                           : "Nothing more by itself: somebody is needed. There is no further mail "
                                             "about it until it is over.");
}

static void add_row(struct part *p, const json_t *group, const struct alarm_words *words)
{
    struct str text = STR_INIT, command = STR_INIT;
    int64_t count = json_number_of(group, "count");
    const char *destination = json_text_of(group, "destination"), *id = json_text_of(group, "id");
    str_printf(&text, "%s%s%s: %s (%s%s)", json_text_of(group, "client"), destination[0] ? " -> " : "", destination,
               json_text_of(group, "error"), count > 1 ? "as " : "", json_text_of(group, "name"));
    if (id[0])
        str_printf(&command, "%s show %s", words->command, id);
    bool fine = !str_failed(&text) && !str_failed(&command);
    add(p, p->rows,
        fine ? json_pack("{s:I, s:s, s:s?}", "count", (json_int_t)count, "text", text.bytes, "command",
                         id[0] ? command.bytes : NULL)
             : NULL);
    str_fini(&text);
    str_fini(&command);
}

static void failed_commands(struct part *p, const json_t *item, const struct alarm_words *words)
{
    struct str line = STR_INIT;
    const json_t *first = json_array_get(json_object_get(item, "groups"), 0);
    if (json_number_of(item, "count") == 1 && first && json_text_of(first, "id")[0])
        str_printf(&line, "%s retry %s", words->command, json_text_of(first, "id"));
    else
        str_printf(&line, "%s failed", words->command);
    add_text(p, p->commands, &line);
    if (json_number_of(item, "count") == 1)
        return;
    str_printf(&line, "%s retry --all --dry-run", words->command);
    add_text(p, p->commands, &line);
}

static void failed_part(struct part *p, const json_t *item, const struct alarm_words *words)
{
    char since[CLOCK_STAMP_MAX];
    struct str line = STR_INIT;
    size_t i;
    const json_t *group;
    clock_plain(json_number_of(item, "since_ms"), since);
    str_printf(&line, "Since %s:", since);
    add_text(p, p->paragraphs, &line);
    json_array_foreach (json_object_get(item, "groups"), i, group)
        add_row(p, group, words);
    if (json_number_of(item, "more") > 0)
        add(p, p->rows,
            json_pack("{s:I, s:s, s:n}", "count", (json_int_t)json_number_of(item, "more"), "text", "for other reasons",
                      "command"));
    str_puts(&p->next, "They are set aside, whole, and stay there until they are put back.");
    failed_commands(p, item, words);
}

static json_t *part_of(const json_t *item, const struct alarm_words *words)
{
    struct part p = {.paragraphs = json_array(),
                     .rows = json_array(),
                     .commands = json_array(),
                     .heading = STR_INIT,
                     .next = STR_INIT};
    heading(item, &p.heading);
    if (is(item, "failed"))
        failed_part(&p, item, words);
    else
        incident_part(&p, item, words);
    p.failed = p.failed || str_failed(&p.heading) || str_failed(&p.next);
    bool rows = json_array_size(p.rows) > 0, commands = json_array_size(p.commands) > 0;
    json_t *part =
        p.failed ? NULL
                 : json_pack("{s:s, s:O, s:b, s:O, s:s?, s:b, s:O}", "heading", p.heading.bytes, "paragraphs",
                             p.paragraphs, "has_rows", rows, "rows", p.rows, "next",
                             p.next.len > 0 ? p.next.bytes : NULL, "has_commands", commands, "commands", p.commands);
    json_decref(p.paragraphs);
    json_decref(p.rows);
    json_decref(p.commands);
    str_fini(&p.heading);
    str_fini(&p.next);
    return part;
}

json_t *alarm_parts(const json_t *mail, const struct alarm_words *words)
{
    json_t *parts = json_array();
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(mail, "items"), i, item) {
        if (json_array_append_new(parts, part_of(item, words)) != 0) {
            json_decref(parts);
            return NULL;
        }
    }
    return parts;
}

/* ---- text ---- */

static void put_part(const json_t *part, struct str *out)
{
    size_t i;
    const json_t *line;
    str_printf(out, "%s\n\n", json_text_of(part, "heading"));
    json_array_foreach (json_object_get(part, "paragraphs"), i, line)
        str_printf(out, "%s\n", json_string_value(line));
    json_array_foreach (json_object_get(part, "rows"), i, line) {
        str_printf(out, "%6lld  %s\n", (long long)json_number_of(line, "count"), json_text_of(line, "text"));
        if (json_text_of(line, "command")[0])
            str_printf(out, "        %s\n", json_text_of(line, "command"));
    }
    if (json_text_of(part, "next")[0])
        str_printf(out, "\nWhat happens next: %s\n", json_text_of(part, "next"));
    if (json_array_size(json_object_get(part, "commands")) > 0)
        str_puts(out, "\nWhat you can do:\n");
    json_array_foreach (json_object_get(part, "commands"), i, line)
        str_printf(out, "    %s\n", json_string_value(line));
}

void alarm_text(const json_t *parts, const struct alarm_words *words, struct str *out)
{
    size_t i;
    const json_t *part;
    json_array_foreach (parts, i, part) {
        if (i > 0)
            str_puts(out, "\n----------------------------------------\n\n");
        put_part(part, out);
    }
    str_printf(out, "\n-- \n%s\n", words->brand);
}
