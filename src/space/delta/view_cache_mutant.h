/* view_cache_mutant.h - bugs that can be planted into the kept views, to see that a test finds them.
 *
 *  1 a negation lets the views of what it negates stand    2 a delta about a nested object, too
 *  3 a delta that a view holds already is put in again     4 a changed schema makes nothing stale
 */
#ifndef SPACE_DELTA_VIEW_CACHE_MUTANT_H
#define SPACE_DELTA_VIEW_CACHE_MUTANT_H

#ifdef VIEW_CACHE_MUTANT
#define VIEW_CACHE_MUTANT_IS(n) (VIEW_CACHE_MUTANT == (n))
#else
#define VIEW_CACHE_MUTANT_IS(n) (0)
#endif

#endif
