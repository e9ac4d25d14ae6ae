#include "base/near.h"

#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

size_t near_distance(const char *a, const char *b)
{
    size_t rows[3][NEAR_WORD_MAX + 1] = { 0 };
    const size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > NEAR_WORD_MAX || b_len > NEAR_WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *up = rows[(i - 1) % 3], *up_two = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            const size_t change = lower(a[i - 1]) != lower(b[j - 1]);
            row[j] = min3(row[j - 1] + 1, up[j] + 1, up[j - 1] + change);
            const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                                 lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped && up_two[j - 2] + 1 < row[j])
                row[j] = up_two[j - 2] + 1;
        }
    }
    return rows[a_len % 3][b_len];
}

void near_offer(struct near_search *s, const char *candidate)
{
    const size_t len = strlen(s->word), candidate_len = strlen(candidate);
    size_t distance = near_distance(s->word, candidate);
    if (distance == SIZE_MAX)
        return;
    const bool begins = len >= 2 && len < candidate_len &&
                        near_distance(s->word, candidate) == candidate_len - len &&
                        lower(s->word[0]) == lower(candidate[0]) &&
                        memcmp(s->word, candidate, len) == 0;
    const size_t allowed =
        candidate_len < 6 ? 1 + (candidate_len > 3) : candidate_len / 3;
    if (begins)
        distance = 1;
    else if (distance > allowed || distance >= candidate_len)
        return;
    if (s->best == NULL || distance < s->distance) {
        s->best = candidate;
        s->distance = distance;
    }
}
