/* spaces.h - spaces of the kind "delta": a database of immutable assertions.
 *
 * A space is the set of deltas that it has seen (delta.h); what is said about an object is
 * computed when it is read (views.h). Instances exchange deltas over WebSocket (fed.h).
 *
 * Settings (JSON, per node, not part of the space's id; system_id is read as systemId, and so
 * for all):
 *   systemId        what deltas made here have as `system`, and how peers know this
 *                   instance; the node's name otherwise
 *   author          what they have as `author` where a call names none; the node's name
 *   cacheSize       materialised views that are kept (1000); cacheBytes (16 MiB)
 *   validateSchemas refuse a schema whose rules close a circle (false)
 *   enableServer    take federation links from others (true); maxConnections (1000)
 *   autoBroadcast   send what is new, from wherever it came, to those who linked here (true)
 *   trustPolicy     {trustedAuthors, trustedSystems, capsule}: whose deltas are taken
 *   links           [{url, ...}]: instances to stay linked with (fed_config.h)
 *
 * Verbs ("delta.NAME" of a node; arguments and answers are JSON):
 *   create   {pointers, id?, timestamp?, author?, system?} | {deltas:[...]} ->
 *            {id | ids, new, known, shadowed}  once durable. All or none are taken. `shadowed`:
 *            another delta with that id counts
 *   get      {id} -> {delta, negated, wasNegated, negatedAt?, negatedBy?}
 *   query    {filter?, limit?, cursor?, descending?, at?} -> {deltas:[...], cursor}; cursor
 *            null: there are no more
 *   negate   {id, reason?, author?, absent?} -> {id}  of the negation
 *   watch    {filter?, since?, ready?, buffered?, overflow?, bufferSize?, warningThreshold?} -> a
 *            stream: one delta a line, once durable; `since`: first those with that timestamp
 *            (ms) or a later one. The others say what happens while it is paused (subs.h);
 *            one that blocks and is full reads on later, for itself: all but what was archived
 *            meanwhile, and once more what an archive wrote anew; `ready`: first
 *            {"event":"watching"}
 *   subs.ls  {} -> {subscriptions:[{id, filter, paused, stats}]} of the watchers;
 *            subs.pause {id}, subs.resume {id} -> {}
 *   import   bytes: JSON lines -> {accepted, new, known, shadowed, refused, reasons:[...]}; or a
 *            CAR archive: {returned} too, those of the new that were archived here (restore.c).
 *            Calls that bring deltas take turns: a small one does not wait for a large one before
 *   export   {filter?} -> a stream of JSON lines, in order of time, negated ones included
 *   hash     {} -> {hash, deltas}  of all deltas: equal sets, equal hashes
 *   stats    {} -> {systemId, totalDeltas, ...}
 *   archive  {before} -> a stream: a CAR file of what was negated by that time (archive.h)
 *   archive_commit {} -> {archived, moved}  when the file is safe: what the last archive gave
 *            is not held any more, and comes back by an import of the file only;
 *            its room is free
 *   hyperview, view, at, timeline, ...   docs/guide/delta-views.md
 *   cancel   {}  end the stream of the same token
 *
 * Of the federation ("fed.NAME"):
 *   connect  {url, mode?, initialSync?, ..., keep?} -> {id}; unless `keep` is false the link is
 *            on disk by then, there again after a restart, and in the place of one with its URL
 *   links    {} -> {links:[...]}      link {id} -> {...}
 *   configure {id, mode?, pushFilter?, ...} -> {}  what is left out stays as it is, null is as by
 *            default; a member that is named is replaced whole. In force at once; what it lets
 *            through in addition is synchronised. Of a link that another dialled: narrows what
 *            that one asked for (fed_limits.c)
 *   pause, resume, disconnect {id} -> {}
 *   watch    {ready?} -> a stream: one event a line; `ready`: first {"event":"watching"}, behind
 *            which no event is missed
 */
#ifndef SPACE_DELTA_SPACES_H
#define SPACE_DELTA_SPACES_H

#include "space/space.h"

extern const struct space_ops space_delta_ops;

#endif
