# What the build files share: dependencies, flags, and one function per kind of target.

find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)

function(trestle_dependency name)
	pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
endfunction()

trestle_dependency(cjson libcjson)
trestle_dependency(PCRE2 libpcre2-8)
trestle_dependency(UV libuv)
trestle_dependency(CURL libcurl)
trestle_dependency(MHD libmicrohttpd)
trestle_dependency(YAML yaml-0.1)
trestle_dependency(SQLITE sqlite3)
trestle_dependency(PQ libpq)
trestle_dependency(GUMBO gumbo)

add_library(trestle_flags INTERFACE)
target_include_directories(trestle_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(trestle_flags INTERFACE _POSIX_C_SOURCE=200809L
	TRESTLE_VERSION="${PROJECT_VERSION}")
target_compile_options(trestle_flags INTERFACE -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes
	-Wmissing-prototypes -Wformat=2 -Wundef -fno-common -fstack-protector-strong)
if(TRESTLE_WERROR)
	target_compile_options(trestle_flags INTERFACE -Werror)
endif()
if(TRESTLE_SANITIZE)
	target_compile_options(trestle_flags INTERFACE -fsanitize=address,undefined
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer)
	target_link_options(trestle_flags INTERFACE -fsanitize=address,undefined)
endif()
if(TRESTLE_FUZZ)
	target_compile_options(trestle_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The names of the libraries a layer may use, and the CMake targets behind them.
function(trestle_resolve out)
	set(targets)
	foreach(lib IN LISTS ARGN)
		if(TARGET PkgConfig::${lib})
			list(APPEND targets PkgConfig::${lib})
		else()
			list(APPEND targets ${lib})
		endif()
	endforeach()
	set(${out} ${targets} PARENT_SCOPE)
endfunction()

set(TRESTLE_LAYERS "" CACHE INTERNAL "layers so far, lowest first")

# trestle_layer(NAME [LIBS ...]): the static library trestle_NAME from core/NAME/*.c
function(trestle_layer name)
	cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/${name}/*.c)
	trestle_resolve(libs ${ARG_LIBS})
	set(below ${TRESTLE_LAYERS})
	list(REVERSE below)
	if(sources)
		add_library(trestle_${name} STATIC ${sources})
		target_link_libraries(trestle_${name} PUBLIC ${below} trestle_flags ${libs} Threads::Threads)
	else()
		add_library(trestle_${name} INTERFACE)
		target_link_libraries(trestle_${name} INTERFACE ${below} trestle_flags ${libs} Threads::Threads)
	endif()
	set(TRESTLE_LAYERS ${TRESTLE_LAYERS} trestle_${name} CACHE INTERNAL "")
endfunction()

# trestle_bridge(NAME): the library trestle_bridge_NAME from bridges/NAME/*.c except main.c, and the
# program trestle-NAME from bridges/NAME/main.c
function(trestle_bridge name)
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bridges/${name}/*.c)
	list(FILTER sources EXCLUDE REGEX "/main\\.c$")
	if(sources)
		add_library(trestle_bridge_${name} STATIC ${sources})
		target_link_libraries(trestle_bridge_${name} PUBLIC trestle_daemon)
	endif()
	if(EXISTS ${CMAKE_SOURCE_DIR}/bridges/${name}/main.c)
		add_executable(trestle-${name} ${CMAKE_SOURCE_DIR}/bridges/${name}/main.c)
		target_link_libraries(trestle-${name} PRIVATE trestle_bridge_${name})
	endif()
endfunction()
