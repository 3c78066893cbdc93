// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "process/environment.h"

using namespace pl;

Test(environment, without_a_policy_only_the_loaders_names_are_refused) {
  cr_expect(environment_allowed("PATH") && environment_allowed("LDAP"));
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", ""}) cr_expect(!environment_allowed(name), "%s", name);
}

Test(environment, with_a_policy_only_what_it_names_is_allowed) {
  allow_environment("HOME");
  allow_environment("APP_*");
  cr_expect(environment_allowed("HOME") && environment_allowed("APP_") && environment_allowed("APP_MODE"));
  for (const char* name : {"PATH", "HOMER", "APP", "LD_PRELOAD"}) cr_expect(!environment_allowed(name), "%s", name);
}
