/* Writing without half files: a temporary name in the same folder, synced, then renamed. Whatever goes wrong in
 * between, the temporary is removed and what stood at the path before still stands there. */
#include "io/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

cf_status cf_io_write_error(cf_context *ctx, const char *path, int error) {
  switch (error) {
  case ENOSPC:
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: no space left on the disk", path);
  case EDQUOT:
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: the disk quota is used up", path);
  case EROFS:
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: the file system is read-only", path);
  case EACCES:
  case EPERM:
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: permission denied", path);
  case ENOENT:
  case ENOTDIR:
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: its folder does not exist", path);
  case EEXIST:
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: exists already; --force overwrites it", path);
  default:
    return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: %s", path, strerror(error));
  }
}

/* ------------------------------------------------- buffered output -- */

cf_status cf_io_out_open(cf_context *ctx, const char *temporary, const char *path, cf_io_out **out) {
  cf_status status = CF_ALLOC(ctx, out, 1);
  if (status != CF_OK) return status;
  (*out)->path = path;
  (*out)->fd = open(temporary, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if ((*out)->fd >= 0) return CF_OK;
  status = cf_io_write_error(ctx, path, errno);
  cf_free(*out);
  *out = NULL;
  return status;
}

static int write_all(int fd, const char *data, size_t size) {
  while (size) {
    ssize_t n = write(fd, data, size < ((size_t)1 << 30) ? size : (size_t)1 << 30);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    data += n;
    size -= (size_t)n;
  }
  return 0;
}

static void flush(cf_io_out *out) {
  if (!out->error && out->used) out->error = write_all(out->fd, out->buffer, out->used);
  out->used = 0;
}

void cf_io_put(cf_io_out *out, const void *data, size_t size) {
  out->written += size;
  if (size > sizeof out->buffer - out->used) flush(out);
  if (size > sizeof out->buffer) {
    if (!out->error) out->error = write_all(out->fd, data, size);
    return;
  }
  memcpy(out->buffer + out->used, data, size);
  out->used += size;
}

void cf_io_put_text(cf_io_out *out, const char *text) {
  cf_io_put(out, text, strlen(text));
}

cf_status cf_io_out_close(cf_context *ctx, cf_io_out *out) {
  if (!out) return CF_OK;
  flush(out);
  if (close(out->fd) != 0 && !out->error) out->error = errno;
  cf_status status = out->error ? cf_io_write_error(ctx, out->path, out->error) : CF_OK;
  cf_free(out);
  return status;
}

cf_status cf_io_out_finish(cf_context *ctx, cf_io_out *out, cf_status status) {
  if (status == CF_OK) return cf_io_out_close(ctx, out);
  if (out) {
    close(out->fd);
    cf_free(out);
  }
  return status;
}

/* ------------------------------------------------ temporary and rename -- */

/* What the folder part of a path is; "." for a bare name. Owned by the caller. */
static cf_status folder_of(cf_context *ctx, const char *path, char **out) {
  const char *slash = strrchr(path, '/');
  if (!slash) return cf_strdup(ctx, ".", out);
  return cf_sprintf(ctx, out, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* Refuses what cannot be written before any work is done. A path that is a folder or ends in '/' is no file. */
static cf_status check_place(cf_context *ctx, const char *path, bool force) {
  struct stat info;
  if (!*path) return cf_fail(ctx, CF_ERR_USAGE, "the name of the output file is empty");
  if (path[strlen(path) - 1] == '/') return cf_fail(ctx, CF_ERR_FAILURE, "%s: is a folder; name a file in it", path);
  if (stat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode)) return cf_fail(ctx, CF_ERR_FAILURE, "%s: is a folder; name a file in it", path);
    if (!S_ISREG(info.st_mode))
      return cf_fail(ctx, CF_ERR_FAILURE, "%s: is not a regular file and is not overwritten", path);
    if (!force) return cf_io_write_error(ctx, path, EEXIST);
  }
  char *folder = NULL;
  cf_status status = folder_of(ctx, path, &folder);
  if (status != CF_OK) return status;
  if (stat(folder, &info) != 0)
    status = cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: the folder %s does not exist", path, folder);
  else if (!S_ISDIR(info.st_mode))
    status = cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: %s is not a folder", path, folder);
  else if (access(folder, W_OK | X_OK) != 0)
    status = cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot be written: the folder %s is not writable (%s)", path, folder,
                     errno == EROFS ? "read-only file system" : "permission denied");
  cf_free(folder);
  return status;
}

/* An empty file beside path with the permissions a new file gets; its name is owned by the caller. */
static cf_status make_temporary(cf_context *ctx, const char *path, char **out) {
  const char *slash = strrchr(path, '/');
  int folder = slash ? (int)(slash - path) + 1 : 0;
  const char *name = path + folder;
  cf_status status = cf_sprintf(ctx, out, "%.*s.%.100s.XXXXXX", folder, path, name);
  if (status != CF_OK) return status;
  int fd = mkstemp(*out);
  if (fd < 0) {
    status = cf_io_write_error(ctx, path, errno);
    cf_free(*out);
    *out = NULL;
    return status;
  }
  struct stat old;
  mode_t mask = umask(0);
  umask(mask);
  mode_t mode = stat(path, &old) == 0 ? old.st_mode & 0777 : 0666 & ~mask;
  if (fchmod(fd, mode) != 0) { /* some file systems have no modes: the file is written all the same */
  }
  close(fd);
  return CF_OK;
}

static int sync_path(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC), error = 0;
  if (fd < 0) return errno;
  if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS) error = errno;
  if (close(fd) != 0 && !error) error = errno;
  return error;
}

/* Puts the finished temporary in place. Without force, link() refuses atomically what has come up meanwhile. */
static cf_status put_in_place(cf_context *ctx, const char *temporary, const char *path, bool force) {
  char *folder = NULL; /* asked for first: nothing may fail once the file is there */
  cf_status status = folder_of(ctx, path, &folder);
  if (status != CF_OK) return status;
  int error = sync_path(temporary, O_RDWR);
  if (!error && !force) {
    if (link(temporary, path) == 0) {
      unlink(temporary);
    } else if (errno == EEXIST || errno == ENOSPC || access(path, F_OK) == 0) {
      error = errno == ENOSPC ? ENOSPC : EEXIST;
    } else {
      force = true; /* no hard links here */
    }
  }
  if (!error && force && rename(temporary, path) != 0) error = errno;
  if (error)
    status = cf_io_write_error(ctx, path, error);
  else
    sync_path(folder, O_RDONLY | O_DIRECTORY); /* the data are safe either way */
  cf_free(folder);
  return status;
}

/* The driver that writes a format by name or the path's ending. */
static cf_status find_writer(cf_context *ctx, const char *path, const char *format, const cf_io_driver **out) {
  const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
  char known[512] = "";
  *out = NULL;
  for (size_t i = 0; cf_io_driver_at(i); i++) {
    const cf_io_driver *driver = cf_io_driver_at(i);
    if (!driver->write) continue;
    if (format && strcmp(format, driver->info.name) == 0) *out = driver;
    for (const char *e = driver->info.endings; *e;) {
      size_t n = strcspn(e, " ");
      size_t used = strlen(known);
      snprintf(known + used, sizeof known - used, "%s%.*s", used ? " " : "", (int)n, e);
      bool same = dot && strlen(dot) == n;
      for (size_t k = 0; same && k < n; k++) same = (dot[k] >= 'A' && dot[k] <= 'Z' ? dot[k] | 0x20 : dot[k]) == e[k];
      if (!format && same && !*out) *out = driver;
      e += n;
      while (*e == ' ') e++;
    }
  }
  if (*out) return CF_OK;
  if (format) return cf_fail(ctx, CF_ERR_USAGE, "%s: the format \"%s\" cannot be written", path, format);
  return cf_fail(ctx, CF_ERR_USAGE, "%s: %s%s tells no format that can be written; known endings: %s", path,
                 dot ? "the ending " : "a name without ending", dot ? dot : "", known);
}

/* ------------------------------------------------------------ public -- */

cf_status cf_io_check_output(cf_context *ctx, const char *path, bool force) {
  const cf_io_driver *driver = NULL;
  cf_status status = find_writer(ctx, path, NULL, &driver);
  return status == CF_OK ? check_place(ctx, path, force) : status;
}

cf_status cf_io_check_not_input(cf_context *ctx, const char *path, const char *addresses) {
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  struct stat output, input;
  char *address, *file = NULL, *member = NULL;
  if (stat(path, &output) != 0) return CF_OK;
  CF_TRY(CF_SCRATCH(ctx, &address, strlen(addresses) + 1));
  for (const char *at = addresses; *at && status == CF_OK;) {
    size_t n = strcspn(at, ",");
    if (stat(addresses, &input) == 0) n = strlen(at); /* a comma in the name */
    memcpy(address, at, n);
    address[n] = 0;
    at += n + (at[n] == ',');
    if (n == 0) continue;
    CF_TRY(cf_io_split(ctx, address, &file, &member));
    if (stat(file, &input) == 0 && input.st_dev == output.st_dev && input.st_ino == output.st_ino)
      status = cf_fail(ctx, CF_ERR_USAGE, "%s: is an input of this run; write the result to another file", path);
    cf_free(file);
    cf_free(member);
    file = member = NULL;
  }
done:
  cf_free(file);
  cf_free(member);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_io_write(cf_context *ctx, const char *path, const cf_dataset *set, const cf_io_write_options *options) {
  cf_io_write_options standard = CF_IO_WRITE_OPTIONS_INIT;
  if (!options) options = &standard;
  cf_status status = CF_OK;
  cf_mark mark = cf_scratch_mark(ctx);
  const cf_io_driver *driver = NULL;
  char *temporary = NULL;
  CF_TRY(find_writer(ctx, path, options->format, &driver));
  CF_TRY(check_place(ctx, path, options->force));
  if (set->count == 0) CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: there is no array to write", path));
  for (size_t i = 0; i < set->count && !driver->streams; i++) {
    status = cf_array_fill(ctx, set->array[i]);
    if (status != CF_OK) CF_TRY(cf_explain(ctx, status, "%s", path));
  }
  CF_TRY(make_temporary(ctx, path, &temporary));
  CF_TRY(driver->write(ctx, temporary, path, set, options));
  CF_TRY(cf_check_cancel(ctx));
  CF_TRY(put_in_place(ctx, temporary, path, options->force));
done:
  if (status != CF_OK && temporary) unlink(temporary);
  cf_free(temporary);
  cf_scratch_release(ctx, mark);
  return status;
}

cf_status cf_io_write_bytes(cf_context *ctx, const char *path, const void *data, size_t size, bool force) {
  cf_status status = CF_OK;
  char *temporary = NULL;
  cf_io_out *out = NULL;
  CF_TRY(check_place(ctx, path, force));
  CF_TRY(make_temporary(ctx, path, &temporary));
  CF_TRY(cf_io_out_open(ctx, temporary, path, &out));
  cf_io_put(out, data, size);
  CF_TRY(cf_io_out_finish(ctx, out, CF_OK));
  CF_TRY(put_in_place(ctx, temporary, path, force));
done:
  if (status != CF_OK && temporary) unlink(temporary);
  cf_free(temporary);
  return status;
}

cf_status cf_io_read_bytes(cf_context *ctx, const char *path, size_t limit, char **out, size_t *size) {
  cf_status status = CF_OK;
  cf_io_file file = {.fd = -1};
  char *data = NULL;
  *out = NULL;
  if (size) *size = 0;
  CF_TRY(cf_io_open_file(ctx, path, &file));
  if (file.size > limit)
    CF_TRY(cf_fail(ctx, CF_ERR_INPUT, "%s: is too large: %llu bytes, at most %zu are read here", path,
                   (unsigned long long)file.size, limit));
  CF_TRY(CF_ALLOC(ctx, &data, (size_t)file.size + 1));
  CF_TRY(cf_io_pread(ctx, &file, 0, data, (size_t)file.size));
  *out = data;
  if (size) *size = (size_t)file.size;
  data = NULL;
done:
  cf_free(data);
  cf_io_close_file(&file);
  return status;
}

cf_status cf_io_flatten(cf_context *ctx, const cf_dataset *set, const cf_array ***arrays, const char ***names,
                        size_t *count) {
  size_t n = set->count;
  cf_status status = CF_SCRATCH(ctx, arrays, n * (CF_MAX_DIMS + 1) + 1);
  if (status == CF_OK) status = CF_SCRATCH(ctx, names, n * (CF_MAX_DIMS + 1) + 1);
  if (status != CF_OK) return status;
  for (size_t i = 0; i < n; i++) {
    (*arrays)[i] = set->array[i];
    (*names)[i] = set->array[i]->name && *set->array[i]->name ? set->array[i]->name : "data";
  }
  for (size_t i = 0; i < set->count; i++)
    for (int d = 0; d < set->array[i]->ndim; d++) {
      const char *axis = set->array[i]->axis[d];
      const cf_array *coordinate = set->array[i]->coordinate[d];
      if (!axis || !*axis || !coordinate) continue;
      bool taken = false;
      for (size_t k = 0; k < n && !taken; k++) taken = strcmp((*names)[k], axis) == 0;
      if (taken) continue;
      (*arrays)[n] = coordinate;
      (*names)[n++] = axis;
    }
  *count = n;
  return CF_OK;
}
