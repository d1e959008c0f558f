/* What a network is shown: arrays, images, sounds or texts, read and made fit. */
#ifndef CF_PIPELINE_INPUT_H
#define CF_PIPELINE_INPUT_H

#include <cortifold/io.h>
#include <cortifold/pipeline.h>

/* Rows of the option table of every command that takes such an input. */
#define CF_INPUT_PARAMS                                                                                                 \
  {"folder", 0,    CF_PARAM_PATH,                                                                                       \
   "FOLDER", NULL, 0,                                                                                                   \
   0,        NULL, "Where the files of a list are; beside the list when not given."},                                   \
      {"names",                                                                                                         \
       0,                                                                                                               \
       CF_PARAM_ADDRESS,                                                                                                \
       "FILE",                                                                                                          \
       NULL,                                                                                                            \
       0,                                                                                                               \
       0,                                                                                                               \
       NULL,                                                                                                            \
       "Names of the stimuli, by which other data are paired with them; those of the files, or the texts, when not "    \
       "given."},                                                                                                       \
      {"resize", 0,    CF_PARAM_TEXT,                                                                                   \
       "S|HxW",  NULL, 0,                                                                                               \
       0,        NULL, "Images: the shorter side to S pixels, or both to H x W (see --fit)."},                          \
      {"fit",                                                                                                           \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "HOW",                                                                                                           \
       "stretch",                                                                                                       \
       0,                                                                                                               \
       0,                                                                                                               \
       "stretch|cover|contain",                                                                                         \
       "Images and --resize HxW: stretch to it; cover it and cut what juts out; or contain the image and fill with "    \
       "--background."},                                                                                                \
      {"interpolation",                                                                                                 \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "HOW",                                                                                                           \
       "bilinear",                                                                                                      \
       0,                                                                                                               \
       0,                                                                                                               \
       "nearest|box|bilinear|bicubic|lanczos",                                                                          \
       "Images: how pixels of another size come about; all but nearest widen when an image shrinks (antialiasing)."},   \
      {"crop", 0, CF_PARAM_TEXT, "S|HxW", NULL, 0, 0, NULL, "Images: the centre of S x S or H x W pixels, cut last."},  \
      {"colour",                                                                                                        \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "WHICH",                                                                                                         \
       "auto",                                                                                                          \
       0,                                                                                                               \
       0,                                                                                                               \
       "auto|grey|rgb",                                                                                                 \
       "Images: grey (0.299 R + 0.587 G + 0.114 B), three channels, or as the files are (three when they differ)."},    \
      {"background",                                                                                                    \
       0,                                                                                                               \
       CF_PARAM_LIST,                                                                                                   \
       "R,G,B",                                                                                                         \
       "128",                                                                                                           \
       0,                                                                                                               \
       0,                                                                                                               \
       NULL,                                                                                                            \
       "Images: what lies behind transparent pixels and beside contained images, 0 to 255; one number is grey."},       \
      {"normalise",                                                                                                     \
       0,                                                                                                               \
       CF_PARAM_LIST,                                                                                                   \
       "NAME|M,SD",                                                                                                     \
       NULL,                                                                                                            \
       0,                                                                                                               \
       0,                                                                                                               \
       NULL,                                                                                                            \
       "Images: (pixel / 255 - M) / SD as floating numbers: imagenet, cifar10, half (-1 to 1), unit (0 to 1), or M,SD " \
       "or MR,MG,MB,SR,SG,SB. Without it pixels stay uint8."},                                                          \
      {"layout",                                                                                                        \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "WHICH",                                                                                                         \
       "channels-first",                                                                                                \
       0,                                                                                                               \
       0,                                                                                                               \
       "channels-first|channels-last",                                                                                  \
       "Normalised images: (stimulus, channel, height, width) or (stimulus, height, width, channel)."},                 \
      {"sample-rate", 0,    CF_PARAM_INTEGER,                                                                           \
       "HZ",          NULL, 1,                                                                                          \
       1e7,           NULL, "Sounds: resample to HZ samples a second; theirs when not given."},                         \
      {"duration", 0,    CF_PARAM_REAL,                                                                                 \
       "SECONDS",  NULL, 0,                                                                                             \
       0,          NULL, "Sounds: cut, or fill up with silence, to this length."},                                      \
      {"amplitude", 0, CF_PARAM_REAL, "A", "1", 0, 0, NULL, "Sounds: full scale; 32768 for networks that take PCM."},   \
      {"features",                                                                                                      \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "WHICH",                                                                                                         \
       "waveform",                                                                                                      \
       0,                                                                                                               \
       0,                                                                                                               \
       "waveform|log-mel",                                                                                              \
       "Sounds: the samples (stimulus, time), or power on the mel scale in decibels (stimulus, frame, band)."},         \
      {"n-fft", 0, CF_PARAM_INTEGER, "N", "512", 2, 1 << 20, NULL, "log-mel: points of the spectrum."},                 \
      {"win-length", 0,     CF_PARAM_INTEGER,                                                                           \
       "N",          "400", 1,                                                                                          \
       1 << 20,      NULL,  "log-mel: samples of a frame, under a Hann window; no padding at the ends."},               \
      {"hop-length", 0, CF_PARAM_INTEGER, "N", "160", 1, 1 << 24, NULL, "log-mel: samples from frame to frame."},       \
      {"n-mels", 0, CF_PARAM_INTEGER, "N", "64", 1, 4096, NULL, "log-mel: bands."},                                     \
      {"fmin", 0, CF_PARAM_REAL, "HZ", "0", 0, 0, NULL, "log-mel: lower end of the bands."},                            \
      {"fmax", 0, CF_PARAM_REAL, "HZ", NULL, 0, 0, NULL, "log-mel: upper end; half the rate when not given."},          \
      {"mel-scale",                                                                                                     \
       0,                                                                                                               \
       CF_PARAM_CHOICE,                                                                                                 \
       "WHICH",                                                                                                         \
       "htk",                                                                                                           \
       0,                                                                                                               \
       0,                                                                                                               \
       "htk|slaney",                                                                                                    \
       "log-mel: the formula of the scale; slaney also makes the area of a band 1 (as librosa does)."},                 \
      {"vocabulary",                                                                                                    \
       0,                                                                                                               \
       CF_PARAM_ADDRESS,                                                                                                \
       "FILE",                                                                                                          \
       NULL,                                                                                                            \
       0,                                                                                                               \
       0,                                                                                                               \
       NULL,                                                                                                            \
       "Texts: become numbers of these tokens, a file of one token a line or a JSON object of tokens and numbers: "     \
       "WordPiece where some begin with ##, characters where all are single ones, else words."},                        \
      {"affine", 0, CF_PARAM_LIST, "A,B", NULL, 0, 0, NULL, "Any numbers: A x + B, in single precision, last of all."}, \
  {                                                                                                                     \
    "reshape", 0, CF_PARAM_LIST, "N[,N...]", NULL, 0, 0, NULL, "Any array: the axes behind the first become these."     \
  }

typedef struct cf_input {
  cf_array *values;   /* NULL with texts; its data NULL with headers_only */
  cf_array *labels;   /* of the first axis or the texts; NULL: none */
  char *text;         /* holds the texts of a file */
  cf_array *table;    /* holds the texts of a table */
  const char **texts; /* NULL with values */
  size_t n_texts;
} cf_input;

/* Reads the input that an address means:
 *   an image or sound file; a folder of them, or a pattern with * ? [ (in order of names); a .txt file with one path a
 *   line, or texts of a table (files.csv:path); texts themselves, from such a file or table, where `texts` is true;
 *   else an array (PATH[:MEMBER], preferably one of `preferred`).
 * Files are noted as inputs of result (may be NULL). With headers_only the values have a shape and a type but no data.
 * Errors: CF_ERR_INPUT naming the file that does not fit the others, CF_ERR_USAGE for options that are not for this
 * input. */
CF_CHECKED cf_status cf_input_read(cf_context *ctx, const cf_options *options, const char *address,
                                   const char *preferred, bool texts, bool headers_only, cf_result *result,
                                   cf_input *out);
void cf_input_free(cf_input *input);
/* An array as the file's header tells it, or what it was promised to hold: shape and type, its data NULL. */
CF_CHECKED cf_status cf_input_header(cf_context *ctx, const cf_options *options, const char *address, cf_array **out);

/* ---------------------------------------------- between the files of this part -- */

/* Files of stimuli; or, with an array, the images in it. */
typedef struct cf_input_source {
  const char *label; /* the address, for messages */
  char **path;
  size_t n;
  const cf_array *array; /* NULL: files */
} cf_input_source;

/* Images as (stimulus, height, width[, channel]) uint8, or normalised float32 in the layout chosen. */
CF_CHECKED cf_status cf_input_images(cf_context *ctx, const cf_options *options, const cf_input_source *source,
                                     bool headers_only, cf_array **out);
/* Sounds as (stimulus, time) or (stimulus, frame, band), float32. */
CF_CHECKED cf_status cf_input_sounds(cf_context *ctx, const cf_options *options, const cf_input_source *source,
                                     bool headers_only, cf_array **out);
/* True when one of the options for images, or for sounds, is given; *name is the first. */
bool cf_input_image_options(const cf_options *options, const char **name);
bool cf_input_sound_options(const cf_options *options, const char **name);
/* Numbers of a list option into `to`; SIZE_MAX for an entry that is none, else how many there are (at most `room`). */
size_t cf_input_numbers(const cf_options *options, const char *name, double *to, size_t room);

#endif
