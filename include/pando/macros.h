/* macros.h - the only three places where the compiler's own language shows. */
#ifndef PANDO_MACROS_H
#define PANDO_MACROS_H

#if defined(__GNUC__)
#define PANDO_MUST_USE __attribute__((warn_unused_result))
#define PANDO_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PANDO_EXPORT __attribute__((visibility("default")))
#else
#define PANDO_MUST_USE
#define PANDO_PRINTF(fmt, args)
#define PANDO_EXPORT
#endif

#endif
