/* storage_notes.c: see storage_notes.h. */
#include "storage_notes.h"

#include <string.h>

#include "shunt/base/mem.h"

struct storage_note {
    struct storage_note *next;
    json_t *day; /* NULL: it is an alert */
    int report;  /* the date of what is not a day, but its report; 0: it is no report */
    struct store_alert alert;
    bool open;
    char texts[];
};

static struct storage_note *note_new(struct storage *st, size_t room)
{
    return st->n_notes < STORAGE_NOTES_MAX ? mem_zalloc(sizeof(struct storage_note) + room) : NULL;
}

static struct storage_note **end_of(struct storage_note **list)
{
    while (*list)
        list = &(*list)->next;
    return list;
}

static bool add(struct storage *st, struct storage_note *note)
{
    *end_of(&st->notes) = note;
    st->n_notes++;
    return true;
}

bool storage_day(struct storage *st, json_t *day)
{
    struct storage_note *note = note_new(st, 0);
    if (!note)
        return false;
    note->day = day;
    return add(st, note);
}

bool storage_report(struct storage *st, int date, json_t *report)
{
    struct storage_note *note = note_new(st, 0);
    if (!note)
        return false;
    note->day = report;
    note->report = date;
    return add(st, note);
}

bool storage_alert(struct storage *st, const struct store_alert *alert, bool open)
{
    const char *text = alert->text ? alert->text : "";
    size_t subject_size = strlen(alert->subject) + 1, text_size = strlen(text) + 1;
    struct storage_note *note = note_new(st, subject_size + text_size);
    if (!note)
        return false;
    note->alert = *alert;
    note->alert.subject = memcpy(note->texts, alert->subject, subject_size);
    note->alert.text = memcpy(note->texts + subject_size, text, text_size);
    note->open = open;
    return add(st, note);
}

static int write_one(struct store *store, unsigned instance, const struct storage_note *note, struct error *e)
{
    if (!note->day)
        return store_alert(store, &note->alert, note->open, e);
    if (note->report != 0)
        return store_save_report(store, note->report, note->day, e);
    return store_save_day(store, instance, (int)json_integer_value(json_object_get(note->day, "date")), note->day, e);
}

struct storage_note *notes_write(struct store *store, unsigned instance, struct storage_note *notes, struct error *e)
{
    while (notes && write_one(store, instance, notes, e) == 0)
        notes = notes->next;
    return notes;
}

struct storage_note *notes_take(struct storage *st)
{
    struct storage_note *notes = st->notes;
    st->notes = NULL;
    st->n_notes = 0;
    return notes;
}

void notes_done(struct storage *st, struct storage_note *notes, struct storage_note *unwritten)
{
    while (notes != unwritten) {
        struct storage_note *written = notes;
        notes = notes->next;
        written->next = NULL;
        notes_free(written);
    }
    for (const struct storage_note *n = unwritten; n; n = n->next)
        st->n_notes++;
    *end_of(&unwritten) = st->notes;
    st->notes = unwritten;
}

void notes_free(struct storage_note *notes)
{
    while (notes) {
        struct storage_note *note = notes;
        notes = notes->next;
        json_decref(note->day);
        mem_free(note);
    }
}
