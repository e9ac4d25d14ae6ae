/* demo_capsule.h - examples/capsules/hello.c, compiled and embedded by the build. */
#ifndef APPS_PANDO_DEMO_CAPSULE_H
#define APPS_PANDO_DEMO_CAPSULE_H

#include <stddef.h>

extern const unsigned char demo_capsule[];
extern const size_t demo_capsule_len;

#endif
