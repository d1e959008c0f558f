/* The files of the figures: SVG at once, PDF and PNG from all cores when the page is written. Drawing them is most of
 * the work of a report, and no figure depends on another. */
#include "report/page.h"
#include "base/internal.h"
#include <cortifold/io.h>
#include <string.h>

struct cf_page_job {
  char *name;
  cf_figure figure;
};

static cf_status write_file(cf_context *ctx, const cf_page *page, const char *name, const char *ending,
                            const void *bytes, size_t size) {
  cf_status status = CF_OK;
  char *path = NULL;
  CF_TRY(cf_sprintf(ctx, &path, "%s/figures/%s.%s", page->folder, name, ending));
  CF_TRY(cf_io_write_bytes(ctx, path, bytes, size, true));
done:
  cf_free(path);
  return status;
}

/* Room for one more figure. */
static cf_status grow(cf_page *page) {
  cf_status status = CF_OK;
  cf_page_job *grown = NULL;
  if (page->jobs < page->jobs_room) return CF_OK;
  const size_t room = CF_MAX((size_t)64, 2 * page->jobs_room);
  CF_TRY(CF_ALLOC(page->ctx, &grown, room));
  if (page->jobs) memcpy(grown, page->job, page->jobs * sizeof *grown);
  cf_free(page->job);
  page->job = grown;
  page->jobs_room = room;
done:
  return status;
}

cf_status cf_page_files(cf_page *page, const char *name, const cf_figure *figure) {
  static const char declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  cf_status status = CF_OK;
  cf_text file;
  cf_text_init(&file, page->ctx);
  cf_text_put(&file, declaration);
  cf_text_bytes(&file, figure->svg, figure->size);
  CF_TRY(cf_text_status(&file));
  CF_TRY(write_file(page->ctx, page, name, "svg", file.data, file.size));
  if (page->options->svg_only) goto done;
  CF_TRY(grow(page));
  cf_page_job *job = &page->job[page->jobs];
  *job = (cf_page_job){NULL, *figure};
  job->figure.svg = NULL;
  page->jobs++;
  CF_TRY(cf_strdup(page->ctx, name, &job->name));
  CF_TRY(CF_ALLOC(page->ctx, &job->figure.svg, figure->size + 1));
  memcpy(job->figure.svg, figure->svg, figure->size);
done:
  cf_text_free(&file);
  return status;
}

static cf_status render_task(cf_context *worker, size_t i, void *payload) {
  cf_status status = CF_OK;
  const cf_page *page = payload;
  const cf_page_job *job = &page->job[i];
  char *bytes = NULL;
  size_t size = 0;
  CF_TRY(cf_figure_pdf(worker, &job->figure, &bytes, &size));
  CF_TRY(write_file(worker, page, job->name, "pdf", bytes, size));
  cf_free(bytes);
  bytes = NULL;
  CF_TRY(cf_figure_png(worker, &job->figure, page->options->dpi, &bytes, &size));
  CF_TRY(write_file(worker, page, job->name, "png", bytes, size));
  cf_progress_step(worker, 1);
done:
  cf_free(bytes);
  if (status != CF_OK) status = cf_explain(worker, status, "figure %s", job->name);
  return status;
}

cf_status cf_page_render(cf_page *page) {
  cf_progress_begin(page->ctx, "figures", page->jobs);
  const cf_status status = cf_parallel_for(page->ctx, page->jobs, render_task, page);
  cf_progress_end(page->ctx);
  return status;
}

void cf_page_files_free(cf_page *page) {
  for (size_t i = 0; i < page->jobs; ++i) {
    cf_free(page->job[i].name);
    cf_free(page->job[i].figure.svg);
  }
  cf_free(page->job);
  page->job = NULL;
  page->jobs = page->jobs_room = 0;
}
