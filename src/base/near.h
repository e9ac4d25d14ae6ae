/* near.h - the word a human most likely meant.
 *
 * Commands, options, configuration keys, routes and log modules all answer a mistyped
 * word with the nearest one they know. Nearness is the edit distance with transposed
 * neighbours counted once, letters compared without case; a candidate counts as near when
 * at most a third of its letters (and at least one) had to change, or when the word is
 * its beginning.
 *
 * Source: optimal string alignment, Damerau 1964. Words over NEAR_WORD_MAX are never
 * near.
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include <pando/types.h>

#define NEAR_WORD_MAX 64

/* Edits from `a` to `b`. Cost: O(len a * len b), no allocation. */
size_t near_distance(const char *a, const char *b);
/* The best candidate so far; start zeroed, offer each candidate, read `best` (or NULL).
 */
struct near_search {
    const char *word;
    const char *best;
    size_t distance;
};
void near_offer(struct near_search *s, const char *candidate);

#endif
