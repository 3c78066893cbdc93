// SPDX-License-Identifier: BSD-2-Clause
// Rows of the result: a figure in the enclave beside Linux's.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pl::bench {

struct Row {
  std::string name, unit;
  std::optional<double> enclave, linux_figure;
  std::string note;  // for people, not in the JSON

  std::optional<double> ratio() const {
    if (!enclave || !linux_figure || *linux_figure == 0) return std::nullopt;
    return *enclave / *linux_figure;
  }
};

std::string as_text(const std::vector<Row>& rows);
// An array of {"name", "unit", "enclave", "linux", "ratio"}; null where there is none.
std::string as_json(const std::vector<Row>& rows);

}  // namespace pl::bench
