// SPDX-License-Identifier: BSD-2-Clause
#include "bench/table.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace pl::bench {
namespace {

// 1234567 as 1,234,567; a fraction keeps one decimal.
std::string figure(const std::optional<double>& value) {
  if (!value) return "-";
  const bool whole = *value >= 1000 || *value == std::floor(*value);
  std::string text = fmt::format("{:.{}f}", *value, whole ? 0 : 1);
  size_t end = text.find('.');
  if (end == std::string::npos) end = text.size();
  for (size_t at = end; at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

nlohmann::ordered_json number(const std::optional<double>& value) {
  if (!value) return nullptr;
  if (*value == std::floor(*value)) return static_cast<int64_t>(*value);
  return *value;
}

}  // namespace

std::string as_text(const std::vector<Row>& rows) {
  std::string text = fmt::format("{:<26}{:>16}{:>16}{:>9}  {}\n", "", "enclave", "Linux", "ratio", "unit");
  for (const Row& row : rows)
    text += fmt::format("{:<26}{:>16}{:>16}{:>9}  {}{}\n", row.name, figure(row.enclave), figure(row.linux_figure),
                        row.ratio() ? fmt::format("{:.3f}", *row.ratio()) : "-", row.unit, row.note.empty() ? "" : " (" + row.note + ")");
  return text;
}

std::string as_json(const std::vector<Row>& rows) {
  auto array = nlohmann::ordered_json::array();
  for (const Row& row : rows)
    array.push_back({{"name", row.name}, {"unit", row.unit}, {"enclave", number(row.enclave)}, {"linux", number(row.linux_figure)}, {"ratio", number(row.ratio())}});
  return array.dump(2) + "\n";
}

}  // namespace pl::bench
