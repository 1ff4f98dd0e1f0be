/* publish.h: items and places for the tests of place. */
#ifndef SHUNT_TEST_PUBLISH_H
#define SHUNT_TEST_PUBLISH_H

#include "shunt/io/place.h"

#include "scratch.h"

static inline struct place place_at(const char *path)
{
    return (struct place){.path = path,
                          .tag = "test",
                          .create = true,
                          .mode = 0644,
                          .folder_mode = 0755,
                          .uid = -1,
                          .gid = -1,
                          .conflict = CONFLICT_REPLACE};
}

static inline struct place_item item_of(const char *name, const char *client, const char *bytes)
{
    return (struct place_item){
        .name = name, .client = client, .declared = client, .bytes = bytes, .size = strlen(bytes)};
}

/* A ticket of a client, told apart by its title; good until the 16th call after it. */
static inline const char *ticket_of(const char *client, const char *title)
{
    static char texts[16][256];
    static unsigned turn;
    char *text = texts[turn++ % 16];
    snprintf(text, sizeof texts[0],
             "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"%s\",\"Title\":\"%s\"}}}\n", client, title);
    return text;
}

/* One item; returns its error's code. */
static inline int publish(const struct place *place, struct place_item *item)
{
    place_publish(place, item, 1);
    return item->error.code;
}

static inline void assert_published(const struct place_item *item, enum placed placed, const char *name)
{
    assert_string_equal(item->error.text, "");
    assert_int_equal(item->error.code, 0);
    assert_int_equal(item->placed, placed);
    assert_string_equal(item->final_name, name);
}

/* Letters that do not repeat soon; free. */
static inline char *made_bytes(size_t len)
{
    char *bytes = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (i * 7 + i / 251) % 26);
    bytes[len] = '\0';
    return bytes;
}

#endif
