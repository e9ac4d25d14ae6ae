/* files_image.h - the content of one simulated file, in pages shared by copies.
 *
 * Two pictures of a file (what is seen, what is safe) and the copies that an explorer
 * makes at every step differ in a few pages only. A page is counted and copied when a
 * picture that does not own it alone writes to it; zeros take no page at all.
 */
#ifndef STORE_FILES_IMAGE_H
#define STORE_FILES_IMAGE_H

#include <pando/status.h>
#include <pando/types.h>

#define IMAGE_PAGE 4096u

struct image_page;

struct image {
    struct image_page **pages; /* NULL: zeros */
    size_t pages_cap;
    uint64_t size;
};

void image_deinit(struct image *im);
/* `ret` must be empty. */
enum pando_status image_copy(const struct image *im, struct image *ret) PANDO_MUST_USE;
/* Returns how many bytes there were to read. */
size_t image_read(const struct image *im, uint64_t offset, uint8_t *ptr, size_t len);
enum pando_status image_write(struct image *im, uint64_t offset,
                              struct pando_slice bytes) PANDO_MUST_USE;
/* Zeros, growing the file when it is shorter. */
enum pando_status image_zero(struct image *im, uint64_t offset,
                             uint64_t len) PANDO_MUST_USE;
enum pando_status image_truncate(struct image *im, uint64_t size) PANDO_MUST_USE;
/* Make the pages that hold this range those of `from`, and the size at least its end. */
enum pando_status image_share(struct image *im, const struct image *from, uint64_t offset,
                              uint64_t len) PANDO_MUST_USE;
uint64_t image_footprint(const struct image *im);

#endif
