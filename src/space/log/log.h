/* log.h - spaces of the kind "log": numbered rooms, one order for everybody.
 *
 * One space is one group of members and one replicated sequence of entries (raft.h); an entry
 * is a batch of messages, and rooms are numbered sequences in the state that all members fold
 * from it. A message gets its number when a quorum has it on disk, so a number that was shown
 * is never taken back, and every member shows the same text under it.
 *
 * Everybody may send: a member that does not lead hands its messages to the leader and knows
 * that one has been taken when it sees it in the sequence. Who sent it and its counter come
 * along, so a message that is handed over twice is taken once.
 *
 * Settings (JSON, per node, not part of the space's id):
 *   id            number of this member, 1 or more; the higher, the sooner it leads
 *   found         true: when nothing is on disk, begin a new group with this member alone
 *   members       [ids]: the static first members (all of them, this one too); instead of
 *                 `found`. Their start window lets the highest lead
 *   name          how the member is shown; "node_ID" otherwise
 *   heartbeat_ms, election_ms   0: 50 and 150
 *   demote_ms     a voter silent for so long is demoted; 0: 10 s; "demote": false never
 *   keep_bytes    of entries that are kept, 256 MiB; what is older is forgotten, its numbers
 *                 are not
 *   Without `found` and `members` the member asks the peers that it meets to take it in.
 *
 * Verbs ("log.NAME" of a node; arguments and answers are JSON):
 *   append   {room?, text | bytes (base64), sender?, client?, counter?, timeout_ms?}
 *            -> {room, seq, term, msg_id}  once a quorum has it on disk.
 *            `client` and `counter` (1, 2, 3...) make a repeated call harmless: the first
 *            answer comes again. Without them the node numbers the call itself.
 *   append_batch  for programs that send much; the argument is bytes: block (uvarint length,
 *            bytes) the space's name, empty for the only one; then 1 to LOG_BATCH_MAX
 *            messages as batch.h encodes them, of one client, their counters following each
 *            other, LOG_BATCH_BYTES in all. They take part in the sequence together and in
 *            this order. The answer is bytes: be8 per message, its number in its room; 0: it
 *            was taken before, so long ago that its number is not remembered; 2^64-1: its
 *            room could not be made. A client has one batch under way at a time (one that
 *            overtakes its predecessor is refused); who wants more takes several clients.
 *            Repeating it is harmless, as for `append`. POST the bytes to
 *            /api/log.append_batch
 *   append_many {room?, sender?, texts:[...]} -> {room, seqs:[...]}   in this order
 *   read     {room?, from?, limit?, linear?} -> {room, first, last, messages:[M...]}
 *            M = {seq, term, msg_id, sender, room, text | bytes, time (ms)}.
 *            `from` defaults to the newest `limit` (50, at most 1000). linear: everything
 *            acknowledged before the call is seen, at the cost of a round to the members
 *   watch    {room?, from?, roles?} -> a stream: M, one per line, from `from` (default: the
 *            next) on; with `roles` also {event: "role"|"members"|"delivered"...}. Ends by
 *            `cancel` or when the caller goes. Without `room`: every room
 *   rooms    {} -> {rooms:[{name, first, last, messages}]}
 *   status   {} -> {id, name, role ("LEADER", "FOLLOWER", "CANDIDATE", "LEARNER", "JOINING"),
 *                   leader, leader_name, term, commit, applied, last_index, first_index,
 *                   quorum: bool, voters, reachable, why (text: why messages are not taken here),
 *                   members:[{id, name, peer_id, address, standing, reachable, lag}],
 *                   rooms, messages, elections, repairing: bool, repaired}
 *            repairing: this member's disk has lost something, and it counts for nothing until
 *            it has everything again; repaired: how often that has ended well since the start
 *   members  {} -> {members:[...]} as above
 *   transfer {to?} -> {transfer: "begun"}   to the highest up-to-date voter without `to`
 *   leave    {} -> {}            out of the group for good; the answer comes when agreed
 *   remove   {id} -> {}          the same for another member
 *   recover  {members:[ids], unsafe:true} -> {recovered}   when no quorum is left: see docs
 *   cancel   {}                  end the stream of the same token
 *
 * Errors that people meet: UNAVAILABLE "no quorum: 1 of 3 voters reachable (peer_2, peer_3
 * silent for 4 s)", TIMEOUT "the outcome is not known", REFUSED "id 2 belongs to PEER, not to
 * PEER", NOSPACE "the disk is full on this node: nothing was sent", FULL a room's or session's cap.
 */
#ifndef SPACE_LOG_LOG_H
#define SPACE_LOG_LOG_H

#include "space/space.h"

#define LOG_ROOM_MAX    64        /* bytes of a room's name */
#define LOG_SENDER_MAX  64        /* bytes of a sender's name */
#define LOG_MESSAGE_MAX (64u << 10) /* bytes of one message */
#define LOG_ROOMS_MAX   1024
#define LOG_BATCH_MAX   1024      /* messages of one append_batch */
#define LOG_BATCH_BYTES (120u << 10) /* encoded: one entry holds it */
#define LOG_DEFAULT_ROOM "general"

/* Records of the journal. */
enum log_record {
    LOG_RECORD_ENTRY = 1,    /* index, term, kind, bytes */
    LOG_RECORD_STATE = 2,    /* term, vote */
    LOG_RECORD_TRUNCATE = 3, /* from this index on nothing holds */
    LOG_RECORD_COMMIT = 4,   /* known committed up to here; written lazily */
    LOG_RECORD_IDENTITY = 5, /* which member this node is, in which group */
    LOG_RECORD_MEND = 6,     /* which restores and repairs are answered for; mend under way */
    LOG_RECORD_LAST = LOG_RECORD_MEND,
};

extern const struct space_ops space_log_ops;

#endif
