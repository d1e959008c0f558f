/* The page as a whole: head, contents, summary, one section a task, methods and provenance. */
#include "report/page.h"
#include "base/internal.h"
#include <cortifold/io.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_WARNINGS = 4 };

typedef struct kind {
  const char *name, *words;
  cf_status (*finding)(cf_page *page, const cf_part *part);
  cf_status (*part)(cf_page *page, const cf_part *part);
} kind;

static const kind kinds[] = {
    {"rdm", "representational dissimilarities", cf_find_rdm, cf_part_rdm},
    {"rsa", "model evaluation", cf_find_rsa, cf_part_rsa},
    {"compare", "comparison of two systems", cf_find_compare, cf_part_compare},
    {"distances", "distances between systems", cf_find_rdm, cf_part_distances},
    {"simulate", "simulated data with planted truth", cf_find_simulate, cf_part_simulate},
    {"stimulus", "visual stimuli", cf_find_stimulus, cf_part_stimulus},
    {"factor", "factors of responses", cf_find_factor, cf_part_factor},
    {"factors", "finished factorisations", cf_find_factor, cf_part_factor},
    {"graph", "adaptive neighbourhood graph", cf_find_graph, cf_part_graph},
    {"diffuse", "diffusion map", cf_find_diffuse, cf_part_diffuse},
    {"encode", "encoding manifold", cf_find_encode, cf_part_encode},
    {"tuning", "tuning of neurons", cf_find_tuning, cf_part_tuning},
    {"psth", "responses from spike trains", cf_find_psth, cf_part_psth},
    {"align", "encoding models", cf_find_align, cf_part_align},
    {"ceiling", "noise ceilings", cf_find_ceiling, cf_part_ceiling},
    {"space", "space of models", cf_find_space, cf_part_space},
    {"snci", "consistency of models", cf_find_snci, cf_part_snci},
    {"nfas", "alignment space", cf_find_nfas, cf_part_nfas},
    {"mantel", "correlation of two distances", cf_find_mantel, cf_part_mantel},
    {"decode", "decoding over time", cf_find_decode, cf_part_decode},
    {"tubes", "tubularity of trajectories", cf_find_tubes, cf_part_tubes},
    {"dmd", "dynamic modes along depth", cf_find_dmd, cf_part_dmd},
    {"dynamics", "delays and rank of dynamics", cf_find_dynamics, cf_part_dynamics},
    {"alignment", "modules against recordings", cf_find_alignment, cf_part_alignment},
    {"regions", "series from images", cf_find_regions, cf_part_regions},
    {"run", "a network on stimuli", cf_find_run, cf_part_run},
};

static const kind *kind_of(const cf_study_task *task) {
  static const kind other = {"", "analysis", cf_find_other, cf_part_other};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i)
    if (strcmp(kinds[i].name, task->kind) == 0) return kinds + i;
  return &other;
}

size_t cf_page_tasks(const cf_page *page, const char *kind_name, const char *member) {
  size_t n = 0;
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    bool there = !member || cf_json_get(cf_json_get(task->envelope, "result"), member);
    n += strcmp(task->kind, kind_name) == 0 && there;
  }
  return n;
}

static cf_part part_of(const cf_study_task *task) {
  return (cf_part){task, cf_json_get(task->envelope, "result"), cf_json_get(task->envelope, "options")};
}

static void write_map(cf_page *page, cf_colour_map map) {
  char hex[8];
  for (int i = 0; i < 256; ++i) {
    unsigned char c[3];
    cf_figure_map(map, i / 255.0, c);
    snprintf(hex, sizeof hex, "%02x%02x%02x", c[0], c[1], c[2]);
    cf_text_put(&page->html, hex);
  }
}

static const char *when_of(const cf_page *page) {
  static const char *const keys[] = {"finished", "when", "time", "started"};
  if (page->options->when) return page->options->when;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i) {
    const char *text = cf_part_text(page->results->provenance, keys[i], NULL);
    if (text) return text;
  }
  return NULL;
}

static void write_head(cf_page *page) {
  const cf_study_results *r = page->results;
  const char *title = r->title && r->title[0] ? r->title : "Results", *when = when_of(page);
  cf_text_write(&page->html,
                "<!doctype html>\n"
                "<html lang=\"en\">\n"
                "<head>\n"
                "<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                "'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"generator\" content=\"cortifold $s\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n"
                "<title>$t</title>\n"
                "<style>\n"
                "$s</style>\n"
                "</head>\n"
                "<body>\n",
                CF_VERSION, title, (const char *)cf_asset_css);
  if (r->banner && r->banner[0]) cf_text_write(&page->html, "<p class=\"banner\" role=\"note\">$t</p>\n", r->banner);
  cf_text_write(
      &page->html,
      "<a class=\"skip\" href=\"#summary\">Skip to the summary</a>\n<div class=\"page\">\n<header>\n<h1>$t</h1>\n",
      title);
  if (r->description && r->description[0]) cf_text_write(&page->html, "<p class=\"lead\">$t</p>\n", r->description);
  cf_text_put(&page->html, "<p class=\"meta\">");
  if (when && strlen(when) == 20 && when[10] == 'T' && when[19] == 'Z') { /* 2026-01-02T03:04:05Z */
    char plain[32];
    snprintf(plain, sizeof plain, "%.10s %.5s UTC", when, when + 11);
    cf_text_write(&page->html, "<span>$t</span> ", plain);
  } else if (when) {
    cf_text_write(&page->html, "<span>$t</span> ", when);
  }
  cf_text_write(&page->html, "<span>cortifold $t</span> <span>$i task$s</span>",
                cf_part_text(r->provenance, "version", CF_VERSION), (int)r->count, r->count == 1 ? "" : "s");
  double seed = cf_part_number(r->provenance, "seed");
  if (isfinite(seed)) cf_text_write(&page->html, " <span>seed $w</span>", seed);
  cf_text_put(&page->html,
              "</p>\n<button type=\"button\" id=\"theme\" class=\"button\" hidden>Light / dark</button>\n</header>\n");
}

/* What stands side by side when there are two or more of its kind. */
static const struct {
  const char *kind, *member, *id, *title;
  cf_status (*write)(cf_page *page);
} besides[] = {
    {"run", "responses", "runs-side-by-side", "Networks side by side", cf_page_runs_beside},
    {"alignment", "modules", "alignment-side-by-side", "Alignment side by side", cf_page_alignment_beside},
    {"encode", NULL, "side-by-side", "Side by side", cf_page_side_by_side},
    {"decode", "accuracy", "decode-side-by-side", "Decoding side by side", cf_page_decode_beside},
    {"tubes", "bundles", "tubes-side-by-side", "Tubes side by side", cf_page_tubes_beside},
    {"tuning", "osi", "tuning-side-by-side", "Tuning side by side", cf_page_tuning_beside},
    {"dmd", "stable", "modes-side-by-side", "Stable modes side by side", cf_page_dmd_beside},
};

static void write_contents(cf_page *page) {
  const cf_study_results *r = page->results;
  cf_text_put(&page->html, "<nav class=\"contents\" aria-label=\"Contents\"><p "
                           "class=\"muted\">Contents</p>\n<ol>\n<li><a href=\"#summary\">Summary</a></li>\n");
  if (cf_page_has_glance(page))
    cf_text_put(&page->html, "<li><a href=\"#modules-at-a-glance\">Modules at a glance</a></li>\n");
  for (size_t i = 0; i < sizeof besides / sizeof *besides; ++i)
    if (cf_page_tasks(page, besides[i].kind, besides[i].member) > 1)
      cf_text_write(&page->html, "<li><a href=\"#$s\">$s</a></li>\n", besides[i].id, besides[i].title);
  for (size_t t = 0; t < r->count; ++t)
    cf_text_write(&page->html, "<li><a href=\"#task-$t\">$t</a></li>\n", r->task[t].id, r->task[t].title);
  cf_text_put(
      &page->html,
      "<li><a href=\"#methods\">Methods</a></li>\n<li><a href=\"#provenance\">Provenance</a></li>\n</ol></nav>\n");
}

static cf_status write_summary(cf_page *page) {
  cf_status status = CF_OK;
  const cf_study_results *r = page->results;
  cf_text_put(&page->html, "<section id=\"summary\"><h2>Summary</h2>\n<ul class=\"findings\">\n");
  for (size_t t = 0; t < r->count; ++t) {
    const cf_study_task *task = r->task + t;
    cf_part part = part_of(task);
    cf_text_write(&page->html, "<li><a href=\"#task-$t\">$t</a>\n", task->id, task->title);
    CF_TRY(kind_of(task)->finding(page, &part));
    const cf_json *warnings = cf_json_get(task->envelope, "warnings");
    size_t n = warnings && cf_json_is_list(warnings) ? cf_json_count(warnings) : 0;
    if (n) cf_text_write(&page->html, "<p class=\"muted\">$i warning$s: see below.</p>\n", (int)n, n == 1 ? "" : "s");
    cf_text_put(&page->html, "</li>\n");
  }
  cf_text_put(&page->html, "</ul></section>\n");
done:
  return status;
}

static void write_options(cf_page *page, const cf_part *part) {
  if (!part->options || cf_json_count(part->options) == 0) return;
  cf_text_put(&page->html, "<details><summary>Options, defaults included</summary><ul class=\"tree\">\n");
  for (size_t i = 0; i < cf_json_count(part->options); ++i) {
    const cf_json *value = cf_json_value(part->options, i);
    const char *text = cf_json_as_text(value);
    char *plain = text ? NULL : cf_json_print(value, 0);
    cf_text_write(&page->html, "<li><span class=\"muted\">$t:</span> $t</li>\n", cf_json_key(part->options, i),
                  text    ? text
                  : plain ? plain
                          : "");
    cf_free(plain);
  }
  cf_text_put(&page->html, "</ul></details>\n");
}

static cf_status write_task(cf_page *page, const cf_study_task *task) {
  cf_status status = CF_OK;
  cf_part part = part_of(task);
  const cf_json *warnings = cf_json_get(task->envelope, "warnings");
  cf_text_write(&page->html,
                "<section class=\"task\" id=\"task-$t\">\n<h2>$t</h2>\n<p class=\"kind\"><code>$t</code> · $s</p>\n",
                task->id, task->title, task->kind, kind_of(task)->words);
  if (task->note && task->note[0]) cf_text_write(&page->html, "<p class=\"note\">$t</p>\n", task->note);
  size_t n = warnings && cf_json_is_list(warnings) ? cf_json_count(warnings) : 0;
  if (n) {
    cf_text_write(&page->html, "<div class=\"warnings\" role=\"note\"><p>$s</p><ul>\n",
                  n == 1 ? "Warning" : "Warnings");
    for (size_t i = 0; i < n; ++i) {
      if (i == MOST_WARNINGS && n > MOST_WARNINGS + 1)
        cf_text_write(&page->html, "</ul><details><summary>$i more</summary><ul>\n", (int)(n - i));
      cf_text_write(&page->html, "<li>$t</li>\n", cf_json_as_text(cf_json_at(warnings, i)));
    }
    cf_text_put(&page->html, n > MOST_WARNINGS + 1 ? "</ul></details></div>\n" : "</ul></div>\n");
  }
  CF_TRY(kind_of(task)->part(page, &part));
  if (task->command && task->command[0])
    cf_text_write(&page->html,
                  "<h3>Command</h3>\n<div class=\"command\"><pre>$t</pre><button type=\"button\" "
                  "class=\"button\">Copy</button></div>\n",
                  task->command);
  write_options(page, &part);
  cf_text_put(&page->html, "</section>\n");
done:
  if (status != CF_OK) status = cf_explain(page->ctx, status, "report of task %s", task->id);
  return status;
}

static cf_status make_folder(cf_context *ctx, const char *path) {
  if (mkdir(path, 0777) == 0 || errno == EEXIST) return CF_OK;
  return cf_fail(ctx, CF_ERR_FAILURE, "%s: cannot make the folder: %s", path, strerror(errno));
}

cf_status cf_report_write(cf_context *ctx, const cf_study_results *results, const char *folder,
                          const cf_report_options *options) {
  static const cf_report_options standard = CF_REPORT_OPTIONS_INIT;
  cf_status status = CF_OK;
  char *path = NULL;
  cf_page page = {.ctx = ctx, .results = results, .options = options ? options : &standard, .folder = folder};
  page.embed_left = page.options->embed ? page.options->embed : (size_t)32 << 20;
  cf_mark mark = cf_scratch_mark(ctx);
  cf_text_init(&page.html, ctx);
  CF_TRY(make_folder(ctx, folder));
  CF_TRY(cf_sprintf(ctx, &path, "%s/figures", folder));
  CF_TRY(make_folder(ctx, path));
  cf_free(path);
  path = NULL;
  cf_progress_begin(ctx, "report", results->count + 1);
  write_head(&page);
  write_contents(&page);
  cf_text_put(&page.html, "<main>\n");
  status = write_summary(&page);
  if (status == CF_OK) status = cf_page_glance(&page);
  for (size_t i = 0; status == CF_OK && i < sizeof besides / sizeof *besides; ++i) status = besides[i].write(&page);
  for (size_t t = 0; status == CF_OK && t < results->count; ++t) {
    status = write_task(&page, results->task + t);
    if (status == CF_OK) status = cf_check_cancel(ctx);
    cf_progress_step(ctx, 1);
  }
  cf_progress_end(ctx);
  CF_TRY(status);
  CF_TRY(cf_page_methods(&page));
  CF_TRY(cf_page_provenance(&page));
  cf_text_write(&page.html,
                "</main>\n<footer>Made by cortifold $s. This file works offline; the figure files stand in the folder "
                "<code>figures</code> beside it.</footer>\n</div>\n",
                CF_VERSION);
  cf_text_put(&page.html, "<script type=\"application/json\" id=\"cf-maps\">{\"sequential\":\"");
  write_map(&page, CF_MAP_SEQUENTIAL);
  cf_text_put(&page.html, "\",\"diverging\":\"");
  write_map(&page, CF_MAP_DIVERGING);
  cf_text_put(&page.html, "\",\"cyclic\":\"");
  write_map(&page, CF_MAP_CYCLIC);
  cf_text_write(&page.html, "\"}</script>\n<script>\n$s", (const char *)cf_asset_js);
  if (strstr(page.html.data ? page.html.data : "", "class=\"space\""))
    cf_text_put(&page.html, (const char *)cf_asset_space_js);
  cf_text_put(&page.html, "</script>\n</body>\n</html>\n");
  CF_TRY(cf_text_status(&page.html));
  CF_TRY(cf_page_render(&page));
  CF_TRY(cf_sprintf(ctx, &path, "%s/report.html", folder));
  CF_TRY(cf_io_write_bytes(ctx, path, page.html.data, page.html.size, true));
done:
  cf_free(path);
  cf_page_files_free(&page);
  cf_text_free(&page.html);
  cf_scratch_release(ctx, mark);
  return status;
}
