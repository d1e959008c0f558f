/* cortifold, the program: finds the command, sets up one context from the common options, runs, reports. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <string.h>
#include <unistd.h>

static cf_context *volatile running;
static volatile sig_atomic_t signals;

/* The first signal asks the computation to stop, the second one ends the program. */
static void on_signal(int number) {
  (void)number;
  cf_context *ctx = running;
  if (!ctx || signals++ > 0) _exit(130);
  cf_cancel(ctx);
}

static void catch_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  action.sa_handler = SIG_IGN; /* a file-size limit then is an error of write, with a message */
  sigaction(SIGXFSZ, &action, NULL);
}

/* Where 0, 1 or 2 are closed, the first files opened would take their places and get what is printed. */
static void occupy_standard_files(void) {
  int fd;
  do {
    fd = open("/dev/null", O_RDONLY);
  } while (fd >= 0 && fd <= 2);
  if (fd > 2) close(fd);
}

static int report(const char *command, cf_context *ctx, cf_status status) {
  if (status != CF_OK) cli_error(command, *cf_context_error(ctx) ? cf_context_error(ctx) : cf_status_name(status));
  return cf_status_exit(status);
}

#define OWN_MEMORY ((size_t)24 << 20)

static cf_status context_for(const cli_command *command, const cf_options *options, cli_terminal *terminal,
                             cf_context **out) {
  cf_context_options o = CF_CONTEXT_OPTIONS_INIT;
  o.log = cli_log;
  o.progress = cli_progress;
  o.payload = terminal;
  o.guard = true;
  /* what a command has no option for reads as off, 0 or "as the library likes" */
  const bool quiet = cf_options_flag(options, "quiet"), study = command->run == cli_study;
  o.threads = (int)cf_options_integer(options, "threads");
  o.seed = (uint64_t)cf_options_integer(options, "seed");
  /* the option bounds the whole process: what the program and its libraries take themselves comes off */
  const size_t memory = (size_t)cf_options_integer(options, "memory");
  o.memory = memory > 2 * OWN_MEMORY ? memory - OWN_MEMORY : memory / 2;
  *terminal = (cli_terminal){command->about->name, !quiet && isatty(STDERR_FILENO), false,
                             study ? CF_LOG_INFO : CF_LOG_WARNING};
  if (quiet) terminal->level = CF_LOG_ERROR;
  if (cf_options_flag(options, "verbose")) terminal->level = CF_LOG_DEBUG;
  return cf_context_new(&o, out);
}

static int run_command(cf_context *boot, const cli_command *command, int argc, char **argv) {
  const char *name = command->about->name;
  cf_options *options = NULL;
  cf_context *ctx = NULL;
  cli_terminal terminal;
  bool help = false;
  cf_status status = cli_parse(boot, command, argc, argv, &options, &help);
  if (status != CF_OK) return report(name, boot, status);
  if (help) {
    cli_help_command(stdout, command);
    return 0;
  }
  status = context_for(command, options, &terminal, &ctx);
  if (status != CF_OK) {
    cf_options_free(options);
    return report(name, boot,
                  cf_fail(boot, status, "the computation could not be set up (%s)", cf_status_name(status)));
  }
  running = ctx;
  status = command->run ? command->run(ctx, options) : cli_run_analysis(ctx, command->about, options);
  running = NULL;
  cli_clear_bar(&terminal);
  const int code = report(name, ctx, status);
  cf_context_free(ctx);
  cf_options_free(options);
  return code;
}

static int dispatch(cf_context *boot, int argc, char **argv) {
  cli_command command;
  char *name = argc > 1 ? argv[1] : NULL;
  if (!name || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
    cli_help_list(stdout);
    return 0;
  }
  if (strcmp(name, "--version") == 0) name = "version";
  if (name[0] == '-')
    return report("", boot,
                  cf_fail(boot, CF_ERR_USAGE, "the command comes first, before %s; 'cortifold help' lists all", name));
  if (!cli_command_find(name, &command)) return report("", boot, cli_fail_command(boot, name));
  return run_command(boot, &command, argc - 2, argv + 2);
}

/* What was printed may still fail on its way out: a full disk shows here at the latest. */
static int close_output(int code) {
  errno = 0;
  const bool failed = ferror(stdout) != 0;
  if ((fclose(stdout) != 0 || failed) && code == 0) {
    char message[256];
    snprintf(message, sizeof message, "standard output: %s", errno ? strerror(errno) : "write error");
    cli_error("", message);
    return 1;
  }
  return code;
}

int main(int argc, char **argv) {
  const cf_context_options defaults = CF_CONTEXT_OPTIONS_INIT;
  cf_context *boot = NULL;
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 22); /* large blocks go back to the system when freed, so that --memory holds */
#endif
  occupy_standard_files();
  catch_signals();
  if (cf_context_new(&defaults, &boot) != CF_OK) {
    cli_error("", "no memory to start with");
    return 1;
  }
  const int code = close_output(dispatch(boot, argc, argv));
  cf_context_free(boot);
  return code;
}
