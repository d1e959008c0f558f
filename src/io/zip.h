/* Zip archives by libzip (whose header only zip.c includes), with the checks that hostile archives call for:
 * stored or deflated members only, no encryption, members together no larger than the file, expansion bounded. */
#ifndef CF_IO_ZIP_H
#define CF_IO_ZIP_H
#include "io/format.h"

typedef struct cf_zip cf_zip;
typedef struct cf_zip_entry {
  const char *name; /* owned by the archive */
  uint64_t size, compressed;
  bool stored; /* not compressed */
} cf_zip_entry;

bool cf_zip_detect(const cf_io_file *file);
/* True when the archive has a member whose name ends in `ending`. Quiet: false for anything unreadable. */
bool cf_zip_has(const cf_io_file *file, const char *ending);

cf_status cf_zip_open(cf_context *ctx, const cf_io_file *file, cf_zip **out);
void cf_zip_close(cf_zip *zip); /* NULL allowed */
size_t cf_zip_count(const cf_zip *zip);
const cf_zip_entry *cf_zip_at(const cf_zip *zip, size_t i);
/* Index of a member, or SIZE_MAX. */
size_t cf_zip_find(const cf_zip *zip, const char *name);

/* One member is open at a time. Opening refuses expansions that deflate cannot reach, and 100-fold ones beyond the
 * context's memory budget. Pull gives exactly `size` bytes; done checks that nothing is left and that the CRC is right.
 */
cf_status cf_zip_member_open(cf_context *ctx, cf_zip *zip, size_t i);
cf_status cf_zip_member_pull(cf_context *ctx, void *zip, void *buffer, size_t size);
cf_status cf_zip_member_done(cf_context *ctx, cf_zip *zip);
/* Where the bytes of a stored member lie in the file. */
cf_status cf_zip_member_offset(cf_context *ctx, cf_zip *zip, size_t i, uint64_t *offset);

/* Writes members, all stored and dated 1980-01-01 so that equal contents give equal bytes. Member i is head(i) followed
 * by tail(i); both must stay alive until the function returns. */
typedef struct cf_zip_part {
  const char *name;
  const void *head, *tail;
  uint64_t head_size, tail_size;
  /* Where the bytes of the tail come from when `tail` is NULL: `size` of them from byte `at`. */
  cf_status (*pull)(cf_context *ctx, void *payload, uint64_t at, void *to, size_t size);
  void *payload;
} cf_zip_part;
cf_status cf_zip_write(cf_context *ctx, const char *temporary, const char *path, const cf_zip_part *parts,
                       size_t count);

#endif
