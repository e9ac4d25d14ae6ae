/* demo_capsule.h - examples/capsules/hello.c and verified.c, compiled and embedded by the build. */
#ifndef APPS_PANDO_DEMO_CAPSULE_H
#define APPS_PANDO_DEMO_CAPSULE_H

#include <stddef.h>

extern const unsigned char demo_capsule[];
extern const size_t demo_capsule_len;
extern const unsigned char demo_verified[];
extern const size_t demo_verified_len;

#endif
