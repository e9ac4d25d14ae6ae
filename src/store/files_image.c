#include "store/files_image.h"

#include <stdlib.h>
#include <string.h>

struct image_page {
    uint32_t refs;
    uint8_t bytes[IMAGE_PAGE];
};

static void page_unref(struct image_page *page)
{
    if (page != NULL && --page->refs == 0)
        free(page);
}

static struct image_page *page_ref(struct image_page *page)
{
    if (page != NULL)
        page->refs++;
    return page;
}

static enum pando_status reserve(struct image *im, size_t index)
{
    if (index < im->pages_cap)
        return PANDO_OK;
    size_t cap = im->pages_cap > 0 ? im->pages_cap * 2 : 4;
    if (cap <= index)
        cap = index + 1;
    struct image_page **pages = realloc(im->pages, cap * sizeof *pages);
    if (pages == NULL)
        return PANDO_NOMEM;
    memset(pages + im->pages_cap, 0, (cap - im->pages_cap) * sizeof *pages);
    im->pages = pages;
    im->pages_cap = cap;
    return PANDO_OK;
}

/* The page `index`, owned by `im` alone. */
static enum pando_status own(struct image *im, size_t index, struct image_page **ret)
{
    const enum pando_status st = reserve(im, index);
    if (st != PANDO_OK)
        return st;
    struct image_page *old = im->pages[index];
    if (old == NULL || old->refs > 1) {
        struct image_page *page = old == NULL ? calloc(1, sizeof *page) : malloc(sizeof *page);
        if (page == NULL)
            return PANDO_NOMEM;
        page->refs = 1;
        if (old != NULL)
            memcpy(page->bytes, old->bytes, IMAGE_PAGE);
        page_unref(old);
        im->pages[index] = page;
    }
    *ret = im->pages[index];
    return PANDO_OK;
}

static void drop(struct image *im, size_t index)
{
    if (index >= im->pages_cap)
        return;
    page_unref(im->pages[index]);
    im->pages[index] = NULL;
}

void image_deinit(struct image *im)
{
    for (size_t i = 0; i < im->pages_cap; i++)
        page_unref(im->pages[i]);
    free(im->pages);
    *im = (struct image){ 0 };
}

enum pando_status image_copy(const struct image *im, struct image *ret)
{
    struct image copy = { .pages_cap = im->pages_cap, .size = im->size };
    if (im->pages_cap > 0) {
        copy.pages = malloc(im->pages_cap * sizeof(struct image_page *));
        if (copy.pages == NULL)
            return PANDO_NOMEM;
    }
    for (size_t i = 0; i < im->pages_cap; i++)
        copy.pages[i] = page_ref(im->pages[i]);
    *ret = copy;
    return PANDO_OK;
}

size_t image_read(const struct image *im, uint64_t offset, uint8_t *ptr, size_t len)
{
    if (offset >= im->size)
        return 0;
    if (len > im->size - offset)
        len = (size_t)(im->size - offset);
    for (size_t done = 0; done < len;) {
        const size_t index = (size_t)((offset + done) / IMAGE_PAGE);
        const size_t at = (size_t)((offset + done) % IMAGE_PAGE);
        const size_t step = len - done < IMAGE_PAGE - at ? len - done : IMAGE_PAGE - at;
        if (index < im->pages_cap && im->pages[index] != NULL)
            memcpy(ptr + done, im->pages[index]->bytes + at, step);
        else
            memset(ptr + done, 0, step);
        done += step;
    }
    return len;
}

enum pando_status image_write(struct image *im, uint64_t offset, struct pando_slice bytes)
{
    for (size_t done = 0; done < bytes.len;) {
        const size_t index = (size_t)((offset + done) / IMAGE_PAGE);
        const size_t at = (size_t)((offset + done) % IMAGE_PAGE);
        const size_t left = bytes.len - done;
        const size_t step = left < IMAGE_PAGE - at ? left : IMAGE_PAGE - at;
        struct image_page *page;
        const enum pando_status st = own(im, index, &page);
        if (st != PANDO_OK)
            return st;
        memcpy(page->bytes + at, bytes.ptr + done, step);
        done += step;
    }
    if (offset + bytes.len > im->size)
        im->size = offset + bytes.len;
    return PANDO_OK;
}

enum pando_status image_zero(struct image *im, uint64_t offset, uint64_t len)
{
    const uint64_t end = offset + len;
    const uint64_t held = (uint64_t)im->pages_cap * IMAGE_PAGE;
    for (uint64_t at = offset; at < end && at < held;) {
        const size_t index = (size_t)(at / IMAGE_PAGE);
        const uint64_t stop = (at / IMAGE_PAGE + 1) * IMAGE_PAGE;
        const uint64_t step_end = stop < end ? stop : end;
        struct image_page *page = NULL;
        if (at % IMAGE_PAGE == 0 && step_end == stop) {
            drop(im, index);
        } else if (im->pages[index] != NULL) {
            const enum pando_status st = own(im, index, &page);
            if (st != PANDO_OK)
                return st;
            memset(page->bytes + at % IMAGE_PAGE, 0, (size_t)(step_end - at));
        }
        at = step_end;
    }
    if (end > im->size)
        im->size = end;
    return PANDO_OK;
}

enum pando_status image_truncate(struct image *im, uint64_t size)
{
    if (size < im->size) {
        const enum pando_status st = image_zero(im, size, im->size - size);
        if (st != PANDO_OK)
            return st;
    }
    im->size = size;
    return PANDO_OK;
}

enum pando_status image_share(struct image *im, const struct image *from, uint64_t offset,
                              uint64_t len)
{
    const uint64_t end = offset + len;
    for (uint64_t at = offset / IMAGE_PAGE; len > 0 && at <= (end - 1) / IMAGE_PAGE;
         at++) {
        const size_t index = (size_t)at;
        if (index >= from->pages_cap || from->pages[index] == NULL) {
            drop(im, index);
            continue;
        }
        const enum pando_status st = reserve(im, index);
        if (st != PANDO_OK)
            return st;
        struct image_page *page = page_ref(from->pages[index]);
        page_unref(im->pages[index]);
        im->pages[index] = page;
    }
    if (end > im->size)
        im->size = end;
    return PANDO_OK;
}

uint64_t image_footprint(const struct image *im)
{
    uint64_t bytes = im->pages_cap * sizeof(struct image_page *);
    for (size_t i = 0; i < im->pages_cap; i++)
        bytes += im->pages[i] != NULL ? sizeof(struct image_page) : 0;
    return bytes;
}
