# SPDX-License-Identifier: Apache-2.0
#
# The ABI hash of sinter.h: SHA-256, in hexadecimal, of the header with every comment replaced by a
# space, each run of white space folded to one space, and the ends trimmed.
# java-bindings/tools/GenerateBindings.java computes the same for the bindings; a test compares them.
#
#   include(cmake/AbiHash.cmake)
#   sinter_abi_hash(include/sinter.h SINTER_ABI_HASH)
#
# or, to print it:  cmake -DHEADER=include/sinter.h -P cmake/AbiHash.cmake

cmake_policy(VERSION 3.20)

function(sinter_abi_hash header result)
  file(READ "${header}" rest)
  set(code "")
  while(TRUE)
    string(FIND "${rest}" "/*" block)
    string(FIND "${rest}" "//" line)
    if(block EQUAL -1 AND line EQUAL -1)
      break()
    endif()
    if(line EQUAL -1 OR (NOT block EQUAL -1 AND block LESS line))
      set(start ${block})
      set(close "*/")
    else()
      set(start ${line})
      set(close "\n")
    endif()
    string(SUBSTRING "${rest}" 0 ${start} before)
    string(APPEND code "${before} ")
    math(EXPR start "${start} + 2")
    string(SUBSTRING "${rest}" ${start} -1 rest)
    string(FIND "${rest}" "${close}" end)
    if(end EQUAL -1)
      if(close STREQUAL "*/")
        message(FATAL_ERROR "${header}: a comment is not closed")
      endif()
      set(rest "")
    else()
      string(LENGTH "${close}" length)
      math(EXPR end "${end} + ${length}")
      string(SUBSTRING "${rest}" ${end} -1 rest)
    endif()
  endwhile()
  string(APPEND code "${rest}")
  string(REGEX REPLACE "[ \t\r\n]+" " " code "${code}")
  string(STRIP "${code}" code)
  string(SHA256 hash "${code}")
  set(${result} "${hash}" PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  sinter_abi_hash("${HEADER}" hash)
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${hash}")
endif()
