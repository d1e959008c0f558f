/* guard.c: files whose library may crash on damaged content are tried in a child process first; not installed. */
#ifndef CF_IO_GUARD_H
#define CF_IO_GUARD_H
#include "io/format.h"

/* Runs probe(ctx, file) in a child process when the context asks for that (cf_context_options.guard), once a file:
 * CF_ERR_INPUT when the child crashes or does not come to an end; errors that probe reports are left to the caller's
 * own reading. `library` names the culprit in the message. What probe changes is gone with the child; it must not start
 * parallel loops. Where no child can be made, the file is taken as it is. */
cf_status cf_io_guard(cf_context *ctx, const cf_io_file *file, const char *library,
                      cf_status (*probe)(cf_context *ctx, const cf_io_file *file));
#endif
