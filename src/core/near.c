/* near.c: edit distance (insert, delete, replace, and swap of neighbours), case not counted. */
#include "shunt/core/near.h"

#include <ctype.h>
#include <string.h>

struct near near_to(const char *word)
{
    /* A third of the letters may be wrong, at least one: "celtr" is celtra, "rb" is not rank. */
    size_t len = strlen(word);
    unsigned allowed = len < 6 ? 1 : (unsigned)(len / 3);
    return (struct near){.word = word, .distance = len > NEAR_WORD_MAX ? 0 : allowed + 1};
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static int letter(const char *word, size_t i)
{
    return tolower((unsigned char)word[i]);
}

/* Both at most NEAR_WORD_MAX long. Three rows of the table are enough: a swap looks two rows back. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
    unsigned rows[3][NEAR_WORD_MAX + 1];
    for (size_t k = 0; k <= m; k++)
        rows[0][k] = (unsigned)k;
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= m; k++) {
            unsigned replace = letter(a, i - 1) == letter(b, k - 1) ? 0 : 1;
            row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + replace);
            if (i > 1 && k > 1 && letter(a, i - 1) == letter(b, k - 2) && letter(a, i - 2) == letter(b, k - 1))
                row[k] = least(row[k], above2[k - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

void near_offer(struct near *near, const char *candidate)
{
    size_t n = strlen(near->word), m = strlen(candidate);
    if (n > NEAR_WORD_MAX || m > NEAR_WORD_MAX)
        return;
    unsigned d = distance(near->word, n, candidate, m);
    if (d < near->distance) {
        near->best = candidate;
        near->distance = d;
    }
}
