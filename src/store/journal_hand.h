/* journal_hand.h - a small journal on a disk in memory, written and read record by record. */
#ifndef STORE_JOURNAL_HAND_H
#define STORE_JOURNAL_HAND_H

#include "store/files_memory.h"
#include "store/journal.h"

/* In the folder /j, with segments of 4 to 16 KiB. */
struct journal_config hand_config(struct files_memory *disk);
uint64_t hand_append(struct journal *j, uint8_t kind, const char *text);
/* Write and sync what was appended. */
void hand_commit(struct journal *j);
/* That this record lies there, whole and in parts. */
void hand_expect(struct journal *j, uint64_t position, uint8_t kind, const char *text);

#endif
