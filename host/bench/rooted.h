// SPDX-License-Identifier: BSD-2-Clause
// Programs of a root image: forked at a shadow point, and as Linux processes whose root is the tree that the image was made of.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/laboratory.h"
#include "run/recipe.h"

namespace pl::bench {

// A command is a path in the image and its arguments.
using Command = std::vector<std::string>;

// bench-hello, dynamically linked: in an image of their own (bench-root), which has what they need beside them.
inline const Command kRootedMusl = {"/bin/hello-musl"}, kRootedGlibc = {"/bin/hello-glibc"};

class Rooted {
 public:
  // NAME.img, and the same tree in NAME.tar: copied to memory.
  static OrFailure<Rooted> open(Laboratory& laboratory, const std::string& name);

  // From before the one ioctl to after the destroy. At `call` the template has all arguments.
  OrFailure<Measured> fork(ShadowPoint point, const Command& command);
  OrFailure<Account> explain(ShadowPoint point, const Command& command);
  OrFailure<Measured> process(const Command& command);

 private:
  Rooted(Laboratory& laboratory, std::string copy) : laboratory_(&laboratory), copy_(std::move(copy)) {}
  OrFailure<Recipe*> recipe(ShadowPoint point, const Command& command, bool explain);
  OrFailure<std::unique_ptr<Stage>> stage(const Recipe& recipe, const Command& command);

  Laboratory* laboratory_;
  std::string copy_;  // of the directory; the image has the same name with ".img"
  std::map<std::string, std::unique_ptr<Recipe>> recipes_;
};

}  // namespace pl::bench
