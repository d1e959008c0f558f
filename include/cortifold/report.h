/* cortifold/report.h - finished results to one HTML file and its figures.
 *
 * report.html needs no network and no other file: style, script, drawings and
 * data are inside. Beside it stands figures/<task>-<figure>.svg .pdf .png.
 * Without JavaScript it still shows every figure, number and table.         */
#ifndef CORTIFOLD_REPORT_H
#define CORTIFOLD_REPORT_H

#include <cortifold/study.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cf_report_options {
  const char *when; /* printed date; NULL: `finished`, `when`, `time` or `started` of the provenance, else none */
  double dpi;       /* of the PNG files; 0: 300 */
  bool svg_only;    /* no PDF and PNG files */
  size_t embed; /* bytes of matrices made interactive, all tasks together; 0: 32 MiB. What does not fit stays a still
                   figure, and says so */
} cf_report_options;
#define CF_REPORT_OPTIONS_INIT                                                                                         \
  { NULL, 0, false, 0 }

/* Writes folder/report.html and folder/figures (made when missing; files of the same name are replaced). Each task kind
 * has its own part (rdm, rsa, compare, distances); any other kind gets tables of its values and pictures of its square
 * matrices. The same results give the same bytes. Errors: CF_ERR_FAILURE (folder not writable), CF_ERR_MEMORY. A result
 * that lacks expected keys is shown as far as it goes. Cost: about 0.1 s a figure, most of it PNG. */
CF_API CF_CHECKED cf_status cf_report_write(cf_context *ctx, const cf_study_results *results, const char *folder,
                                            const cf_report_options *options);

#ifdef __cplusplus
}
#endif
#endif
