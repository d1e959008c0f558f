/* The one table of dissimilarity metrics: definition, reference and promises. */
#include <cortifold/rdm.h>

#include <math.h>
#include <string.h>

#define SCALE_FREE 0.0

static const cf_rdm_metric metrics[] = {
    {.id = "correlation",
     .formula = "d_ij = 1 - sum_c (x_ic - mean x_i)(x_jc - mean x_j) / (|x_i - mean x_i| |x_j - mean x_j|)",
     .reference = "Kriegeskorte, Mur & Bandettini 2008, Front Syst Neurosci 2:4",
     .input = "any real values; patterns must not be constant",
     .pairwise = true,
     .pattern_scale = true,
     .pattern_shift = true,
     .degree = SCALE_FREE},
    {.id = "cosine",
     .formula = "d_ij = 1 - sum_c x_ic x_jc / (|x_i| |x_j|)",
     .reference = "Walther et al. 2016, NeuroImage 137:188",
     .input = "any real values; patterns must not be zero",
     .pairwise = true,
     .pattern_scale = true,
     .rotation = true,
     .degree = SCALE_FREE},
    {.id = "euclidean",
     .formula = "d_ij = sqrt(sum_c (x_ic - x_jc)^2); per channel: the sum is divided by the number of channels",
     .reference = "Walther et al. 2016, NeuroImage 137:188",
     .input = "any real values",
     .root = true,
     .per_channel = true,
     .pairwise = true,
     .common_shift = true,
     .rotation = true,
     .degree = 1},
    {.id = "sqeuclidean",
     .formula = "d_ij = sum_c (x_ic - x_jc)^2; per channel: divided by the number of channels",
     .reference = "Walther et al. 2016, NeuroImage 137:188",
     .input = "any real values",
     .per_channel = true,
     .pairwise = true,
     .common_shift = true,
     .rotation = true,
     .degree = 2},
    {.id = "mahalanobis",
     .formula =
         "d_ij = (x_i - x_j)' Sigma^-1 (x_i - x_j), squared form, Sigma the noise covariance; per channel: divided by "
         "the number of channels",
     .reference = "Walther et al. 2016, NeuroImage 137:188; shrinkage: Ledoit & Wolf 2004, J Multivar Anal 88:365",
     .input = "any real values",
     .uses_noise = true,
     .per_channel = true,
     .common_shift = true,
     .rotation = true,
     .linear = true,
     .degree = 2},
    {.id = "crossnobis",
     .formula =
         "d_ij = mean_f (xbar_i - xbar_j)_train' Sigma^-1 (x_i - x_j)_test, test = fold f, train = all other folds; "
         "unbiased, may be negative; per channel: divided by the number of channels",
     .reference = "Diedrichsen et al. 2020, arXiv:2007.02789; Walther et al. 2016, NeuroImage 137:188",
     .input = "any real values, each condition in at least two folds",
     .needs_folds = true,
     .uses_noise = true,
     .may_be_negative = true,
     .per_channel = true,
     .common_shift = true,
     .rotation = true,
     .linear = true,
     .degree = 2},
    {.id = "poisson",
     .formula =
         "d_ij = sum_c (y_ic - y_jc)(log y_ic - log y_jc), y = (x + lambda0 w) / (1 + w), lambda0 = 1, w = 0.1 unless "
         "told; per channel: divided by the number of channels",
     .reference = "Schuett et al. 2023, eLife 12:e82566 (symmetrised Poisson Kullback-Leibler divergence)",
     .input = "counts or rates, not negative",
     .per_channel = true,
     .pairwise = true,
     .degree = NAN},
    {.id = "poisson-cv",
     .formula =
         "d_ij = mean_f sum_c (y_ic - y_jc)_train (log y_ic - log y_jc)_test, y as in poisson, test = fold f, train = "
         "all other folds; may be negative; per channel: divided by the number of channels",
     .reference = "Schuett et al. 2023, eLife 12:e82566",
     .input = "counts or rates, not negative, each condition in at least two folds",
     .needs_folds = true,
     .may_be_negative = true,
     .per_channel = true,
     .degree = NAN},
};

const cf_rdm_metric *cf_rdm_metric_at(size_t i) {
  return i < sizeof metrics / sizeof *metrics ? &metrics[i] : NULL;
}

const cf_rdm_metric *cf_rdm_metric_find(const char *id) {
  for (size_t i = 0; id && i < sizeof metrics / sizeof *metrics; i++) {
    if (strcmp(metrics[i].id, id) == 0) return &metrics[i];
  }
  return NULL;
}

const char *cf_rdm_noise_name(cf_rdm_noise noise) {
  static const char *const names[] = {"none", "diagonal", "shrinkage", "full", "given"};
  return (size_t)noise < sizeof names / sizeof *names ? names[noise] : "?";
}

const char *cf_rdm_nan_name(cf_rdm_nan nan) {
  static const char *const names[] = {"error", "drop-channel", "drop-condition", "pairwise"};
  return (size_t)nan < sizeof names / sizeof *names ? names[nan] : "?";
}

void cf_rdm_free(cf_rdm *rdm) {
  if (!rdm) return;
  cf_free(rdm->d);
  cf_array_free(rdm->conditions);
  cf_free(rdm);
}
