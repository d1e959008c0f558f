/* Texts to tokens of a given vocabulary. */
#ifndef CF_MODEL_VOCABULARY_H
#define CF_MODEL_VOCABULARY_H

#include <cortifold/array.h>

/* How a text is cut, as the tokens themselves tell. */
typedef enum cf_token_kind {
  CF_TOKENS_PIECES,     /* some token begins with "##": WordPiece */
  CF_TOKENS_CHARACTERS, /* all but names in brackets are single characters */
  CF_TOKENS_WORDS
} cf_token_kind;

typedef struct cf_vocabulary cf_vocabulary;
/* A file of one token a line, the first of which is number 0, or a JSON object of tokens and their numbers. Errors:
 * CF_ERR_INPUT (no UTF-8, a token or a number twice, numbers that are none). */
CF_CHECKED cf_status cf_vocabulary_read(cf_context *ctx, const char *path, cf_vocabulary **out);
void cf_vocabulary_free(cf_vocabulary *vocabulary);
cf_token_kind cf_vocabulary_kind(const cf_vocabulary *vocabulary);
size_t cf_vocabulary_size(const cf_vocabulary *vocabulary);
/* Tokens of a text, in scratch; `what` begins messages. CF_ERR_INPUT: no UTF-8; a word that is not there where the
 * vocabulary has no token for unknown ones. O(bytes longest token log tokens). */
CF_CHECKED cf_status cf_tokenise(cf_context *ctx, const cf_vocabulary *vocabulary, const char *what, const char *text,
                                 int64_t **out, size_t *n);
/* Texts as an array (text, position) of int64, rows filled up with -1. */
CF_CHECKED cf_status cf_tokenise_all(cf_context *ctx, const cf_vocabulary *vocabulary, const char *what,
                                     const char *const *texts, size_t n, cf_array **out);

#endif
