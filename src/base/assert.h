/* assert.h - assertions are for our own bugs, never for bytes from a peer, disk or user.
 *
 * They stay on in release: a node that has found a contradiction in itself must stop
 * before it signs or stores anything more. PANDO_ASSERT_SLOW costs more than O(1) and is
 * compiled in for tests and simulation only.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

/* Print the contradiction and abort. Never returns. */
_Noreturn void pando_bug(const char *file, int line, const char *what);

#define PANDO_ASSERT(condition)                                                         \
    ((condition) ? (void)0 : pando_bug(__FILE__, __LINE__, #condition))
#define PANDO_UNREACHABLE() pando_bug(__FILE__, __LINE__, "unreachable")

#ifdef PANDO_SLOW_CHECKS
#define PANDO_ASSERT_SLOW(condition) PANDO_ASSERT(condition)
#else
#define PANDO_ASSERT_SLOW(condition) ((void)0)
#endif

#endif
