/* Methods (formula and source of each measure used) and provenance. */
#include "report/page.h"
#include "base/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct seen {
  const char *name[200];
  size_t n;
} seen;

static bool note(seen *s, const char *name) {
  for (size_t i = 0; i < s->n; ++i)
    if (strcmp(s->name[i], name) == 0) return false;
  if (s->n == sizeof s->name / sizeof *s->name) return false;
  s->name[s->n++] = name;
  return true;
}

static void entry(cf_page *page, seen *s, const char *name, const char *title, const char *formula,
                  const char *reference) {
  if (!formula || !note(s, name)) return;
  cf_text_write(&page->html, "<dt>$t</dt><dd><p class=\"formula\">$t</p>", title, formula);
  if (reference) cf_text_write(&page->html, "<p class=\"muted\">$t</p>", reference);
  cf_text_put(&page->html, "</dd>\n");
}

/* Every object of the result that carries a formula. */
static void from_result(cf_page *page, seen *s, const cf_json *value, const char *fallback, int depth) {
  if (!value || depth > 6) return;
  if (cf_json_is_object(value)) {
    const char *metric = cf_part_text(value, "metric", NULL);
    const char *name = cf_part_text(value, "name", cf_part_text(value, "measure", metric ? metric : fallback));
    const char *title = metric                                ? cf_metric_title(metric)
                        : strcmp(fallback, "comparator") == 0 ? cf_comparator_title(name)
                                                              : name;
    entry(page, s, name, title, cf_part_text(value, "formula", NULL), cf_part_text(value, "reference", NULL));
  }
  bool object = cf_json_is_object(value);
  if (!object && !cf_json_is_list(value)) return;
  for (size_t i = 0; i < cf_json_count(value) && i < 1000; ++i) {
    const cf_json *child = object ? cf_json_value(value, i) : cf_json_at(value, i);
    if (object || cf_json_is_object(child))
      from_result(page, s, child, object ? cf_json_key(value, i) : fallback, depth + 1);
  }
}

/* What is said once, for all tasks of these kinds (names between spaces). */
static const struct {
  const char *kinds, *text;
} method[] = {
    {" rsa ", "Model evaluation: each model's RDM is compared with each subject's; the bar is the "
              "mean over subjects. The noise ceiling brackets what the best possible model could "
              "reach: its upper bound compares each subject with the mean of all subjects, its lower "
              "bound with the mean of the others (Nili et al. 2014). With a bootstrap over subjects "
              "and stimuli the variance is corrected for counting measurement noise twice (Schütt et "
              "al. 2023). Holm controls the family-wise error of a family of tests, FDR the expected "
              "share of false discoveries (Benjamini &amp; Hochberg 1995)."},
    {" compare ", "Comparison of two systems: chance is the mean of the measure when the pairing of the "
                  "conditions is shuffled; p is the one-sided share of permutations at least as alike, (1 "
                  "+ k) / (1 + N). z is positive for more alike than chance, for distances too. Intervals "
                  "are percentiles of bootstrap samples; where the option interval is centred, moved by "
                  "the bias that repeated conditions cause."},
    {" rsa rdm ", "Maps: metric multidimensional scaling by SMACOF from the classical solution; stress-1 "
                  "is the root of the squared misfit over the squared distances (Borg &amp; Groenen 2005). "
                  "Orders by similarity and trees: average linkage."},
    {" encode factor factors ",
     "Factors: responses (neuron, stimulus, direction, time) are approximated by a sum of non-negative "
     "components, each the product of a neuron, a stimulus and a direction-by-time vector, with a circular shift "
     "of the directions for every neuron and stimulus (Dyballa et al. 2024). Error: share of the energy that is "
     "left. Congruence: product of the cosines of matched components. Effective dimension: sum of the squared "
     "singular values of the neuron factors over the largest one."},
    {" encode ",
     "Encoding manifold: the neural matrix (square roots of each neuron's non-negative weights of the "
     "components) is cut to principal components; iterated adaptive neighbourhoods (Dyballa &amp; Zucker 2023) give "
     "a graph and a kernel, diffusion maps (Coifman &amp; Lafon 2006) coordinates, density clustering along the graph "
     "(Campello et al. 2013) clusters, and the neighbourhood correlation dimension the local dimension."},
    {" decode ",
     "Decoding: the features of a condition are the means of all neurons over a window of time. Nearest neighbours: "
     "leave one out, vote of the nearest in Euclidean distance. Logistic regression: multinomial, minimises C sum of −log "
     "p(label) + |W|² / 2 on stratified shuffled folds. Nearest mean: the label whose training mean is nearest. Chance: "
     "labels shuffled over the conditions and scored in the same way; p = (1 + shuffles as good) / (1 + shuffles). "
     "Decoding manifold: principal components of the means over time, centred, not scaled (Bertram et al. 2026)."},
    {" tubes ",
     "Tubes: neurons z-scored over all conditions and times, principal components, each trajectory at equal steps of its "
     "length. S_tight = 1/L · mean over bins along the tube of the quantile of |x − c|, c the centreline of length L. S_cross "
     "= 1/L · 2/(m (m − 1)) · sum over pairs of points of different trajectories closer than 3 ε of exp(−ρ² / 2 ε²) (1 − (T · "
     "T')²) / M², T unit tangents, ε the median spacing of trajectories. S_cross has the unit 1 / length; L · S_cross has "
     "none. The permutation test asks whether the labels make tubes (Bertram et al. 2026). The clean variant is "
     "cortifold's own."},
    {" dmd ",
     "Dynamic modes along depth: the layers are snapshots in time; A, the linear map from one layer to the next, has modes "
     "A φ = λ φ (Schmid 2010; Tu et al. 2014). |λ| near 1: the mode stays; its argument: how far it turns from layer to "
     "layer. Residual: |g x' − λ g x| / |g x| of each eigenfunction g. Which mode is called stable is a rule of cortifold's "
     "own."},
    {" dynamics ",
     "Dynamics: a linear operator on delay coordinates, fitted to four fifths of the data and judged on the rest. AIC = (N "
     "ln(SSE / N) + 2 (r² + 1)) / N. MASE: mean absolute error over that of no change (Ostrow et al. 2023)."},
    {" nfas ",
     "Alignment space: the representation of a model is the stable mode of its layers, z(t) = Σ c h(t) over layers, c from "
     "dynamic mode decomposition along depth of the training samples; ridge regression from it predicts each region in runs "
     "that were left out, penalties chosen by inner runs; alignment: squared correlation. Baselines: the same regression "
     "from simpler representations, paired over models (t, signed rank). The published space (Yan et al. 2026, arXiv "
     "2603.00793) leaves scope, rank and rule of the modes, delays, folds, penalties and the consistency index open: all "
     "of these are reconstructions of cortifold's own."},
    {" alignment ",
     "Alignment: RSA, Spearman correlation of correlation distances between conditions; CCA, mean canonical correlation of "
     "three principal components a side; linear predictivity, R² of two components of the recording from ten of the module "
     "by ridge regression; DSA, 1 minus the squared Wasserstein distance of the eigenvalues of two linear dynamics. "
     "Published CCA and predictivity are fitted and judged on the same conditions; the cross-validated variants and the "
     "chance levels of all but DSA are cortifold's own. Intervals: joint bootstrap over neurons (Bertram et al. 2026; "
     "Ostrow et al. 2023; Kriegeskorte et al. 2008)."},
};

static bool any_of(const cf_page *page, const char *kinds) {
  char name[80];
  for (size_t t = 0; t < page->results->count; ++t) {
    snprintf(name, sizeof name, " %.70s ", page->results->task[t].kind);
    if (strstr(kinds, name)) return true;
  }
  return false;
}

cf_status cf_page_methods(cf_page *page) {
  seen s = {{NULL}, 0};
  cf_text_put(&page->html, "<section id=\"methods\" class=\"task\"><h2>Methods</h2>\n");
  for (size_t k = 0; k < sizeof method / sizeof *method; ++k)
    if (any_of(page, method[k].kinds)) cf_text_write(&page->html, "<p>$s</p>\n", method[k].text);
  cf_text_put(&page->html, "<dl class=\"methods\">\n");
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_study_task *task = page->results->task + t;
    from_result(page, &s, cf_json_get(task->envelope, "result"), task->kind, 0);
  }
  cf_text_put(&page->html, "</dl>\n</section>\n");
  return cf_text_status(&page->html);
}

static void write_tree(cf_page *page, const cf_json *value, int depth) {
  bool object = cf_json_is_object(value), list = cf_json_is_list(value);
  if ((!object && !list) || depth > 8) {
    char *plain = cf_json_print(value, 0);
    const char *text = cf_json_as_text(value);
    cf_text_write(&page->html,
                  strlen(text ? text : "") == 64 && strspn(text, "0123456789abcdef") == 64
                      ? "<span class=\"hash\">$t</span>"
                      : "$t",
                  text    ? text
                  : plain ? plain
                          : "");
    cf_free(plain);
    return;
  }
  cf_text_put(&page->html, "<ul class=\"tree\">");
  for (size_t i = 0; i < cf_json_count(value); ++i) {
    cf_text_put(&page->html, "<li>");
    if (object) cf_text_write(&page->html, "<span class=\"muted\">$t:</span> ", cf_json_key(value, i));
    write_tree(page, object ? cf_json_value(value, i) : cf_json_at(value, i), depth + 1);
    cf_text_put(&page->html, "</li>");
  }
  cf_text_put(&page->html, "</ul>\n");
}

/* Every input once, in order of first use. */
static void inputs_table(cf_page *page) {
  static const char *const columns[] = {"Input", "SHA-256"};
  seen s = {{NULL}, 0};
  bool open = false;
  for (size_t t = 0; t < page->results->count; ++t) {
    const cf_json *list = cf_json_get(page->results->task[t].envelope, "inputs");
    for (size_t i = 0; list && i < cf_json_count(list); ++i) {
      const char *path = cf_part_text(cf_json_at(list, i), "path", NULL);
      if (!path || !note(&s, path)) continue;
      if (!open) cf_table_open(page, "inputs", "Inputs", columns, 2);
      open = true;
      cf_table_row(page);
      cf_table_text(page, path);
      cf_text_write(&page->html, "<td class=\"hash\">$t</td>", cf_part_text(cf_json_at(list, i), "sha256", ""));
      cf_table_end_row(page);
    }
  }
  if (open) cf_table_close(page);
}

cf_status cf_page_provenance(cf_page *page) {
  static const char *const columns[] = {"Task", "Analysis", "#Seconds", "#Seed", "Version"};
  const cf_study_results *r = page->results;
  cf_text_put(&page->html,
              "<section id=\"provenance\" class=\"task\"><h2>Provenance</h2>\n<p>What went in and what it took. The "
              "same inputs, options and seed give the same numbers on any machine and number of threads.</p>\n");
  inputs_table(page);
  cf_table_open(page, "tasks", "Tasks", columns, 5);
  for (size_t t = 0; t < r->count; ++t) {
    cf_table_row(page);
    cf_table_text(page, r->task[t].id);
    cf_table_text(page, r->task[t].kind);
    cf_table_number(page, r->task[t].seconds);
    cf_table_number(page, cf_part_number(r->task[t].envelope, "seed"));
    cf_table_text(page, cf_part_text(r->task[t].envelope, "version", ""));
    cf_table_end_row(page);
  }
  cf_table_close(page);
  for (size_t i = 0; r->provenance && i < cf_json_count(r->provenance); ++i) {
    const char *key = cf_json_key(r->provenance, i);
    const cf_json *value = cf_json_value(r->provenance, i);
    if (!cf_json_is_object(value) && !cf_json_is_list(value)) continue;
    cf_text_write(&page->html, "<details><summary>$t</summary>", key);
    write_tree(page, value, 0);
    cf_text_put(&page->html, "</details>\n");
  }
  cf_text_put(&page->html, "</section>\n");
  return cf_text_status(&page->html);
}
