/* near.h: "did you mean ...?": of the words offered the one that is nearest to a misspelt one. Pure. Thread: any.
 *
 *     struct near near = near_to("clinet");
 *     near_offer(&near, "client"); near_offer(&near, "category");
 *     near.best: "client", or NULL where nothing is near enough. */
#ifndef SHUNT_CORE_NEAR_H
#define SHUNT_CORE_NEAR_H

#define NEAR_WORD_MAX 64 /* longer words are near to nothing */

struct near {
    const char *word; /* borrowed, as all words */
    const char *best;
    unsigned distance;
};

struct near near_to(const char *word);
void near_offer(struct near *near, const char *candidate);

#endif
