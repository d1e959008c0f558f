# Runs PROGRAM and compares what it prints with the file EXPECTED.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE output RESULT_VARIABLE exit)
file(READ ${EXPECTED} expected)
if(NOT exit EQUAL 0 OR NOT output STREQUAL expected)
  message(FATAL_ERROR "exit ${exit}, printed:\n${output}expected:\n${expected}")
endif()
